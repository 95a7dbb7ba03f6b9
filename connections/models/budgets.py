"""Request budgets: how much of what a provider allows one of its users has been used, shared by all processes."""

from django.db import models
from django.db.models import Q


class RequestBudget(models.Model):
    """A leaky bucket for one user of a provider and one app (connections.grants.request_budget).

    Times are seconds since the epoch, as `time.time()` has them: both databases compare and add those alike.
    full_until: when the bucket will have run empty. queued_until, background_until: when the last of those who wait
    has its turn, of requests in the foreground, and in the background.
    """

    key = models.CharField(max_length=300, unique=True)
    per_minute = models.PositiveIntegerField(help_text="Requests the provider allows a minute")
    full_until = models.FloatField(default=0.0)
    queued_until = models.FloatField(default=0.0)
    background_until = models.FloatField(default=0.0)
    blocked_until = models.FloatField(
        default=0.0, help_text="No request before this time, by the provider's response"
    )
    refusals = models.PositiveIntegerField(default=0, help_text="Consecutive refusals without a retry time")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(per_minute__gt=0), name="budget_allows_something")]

    def __str__(self) -> str:
        return self.key
