"""pagerduty/update-incident: its input, what is left to change, and the look-up of an earlier attempt."""
