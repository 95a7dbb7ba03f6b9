"""Waiting without sleeping: what the budgets of requests keep back may be asked now."""

from connections.models import RequestBudget


def lift_rate_limits() -> None:
    """As if the time that PagerDuty named, or the minute of an allowance, had passed."""
    RequestBudget.objects.update(blocked_until=0, full_until=0, queued_until=0)
