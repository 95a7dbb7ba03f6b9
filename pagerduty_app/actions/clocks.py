"""Allowances for the difference between a time at PagerDuty and what was sent, or our clock."""

from datetime import timedelta

# The largest difference between PagerDuty's clock and ours.
SKEW = timedelta(minutes=2)
# Whether PagerDuty keeps the seconds of a time that is sent is not documented.
ABOUT = timedelta(seconds=60)
