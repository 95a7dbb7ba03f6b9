"""The part of PagerDuty's REST API v2 that the product and its tests use."""
