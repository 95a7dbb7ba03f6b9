"""Deliveries: received, verified, stored, deduplicated; the secrets that sign them."""
