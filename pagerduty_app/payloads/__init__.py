"""Payloads of PagerDuty's deliveries, as JSON Schemas of ours."""
