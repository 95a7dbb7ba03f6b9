"""PagerDuty's REST API v2 as far as the product, and its tests, use it."""
