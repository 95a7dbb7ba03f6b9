"""Webhook subscriptions at PagerDuty: created, checked, removed, and what they missed."""
