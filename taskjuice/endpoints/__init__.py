"""Endpoints beside pages and API: health, metrics, error pages."""
