"""Watches: how far each polled trigger has looked, and when it looks next."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from core.db import clock, leases
from workflows.models.triggers import Trigger


class WatchQuerySet(models.QuerySet["Watch"]):
    """Watches, and which of them a worker can take up."""

    def due(self, now: datetime) -> "WatchQuerySet":
        """Return due watches of open triggers without a lease, the longest waiting first."""
        open_ = self.exclude(trigger__status=Trigger.Status.CLOSED)
        return open_.filter(leases.free(now), next_look_at__lte=now).order_by("next_look_at", "pk")


class Watch(models.Model):
    """One for each polled trigger. Up to `state` everything has become events; see workflows.catalog.Look.

    failures: looks since the last good one, the one under way included. trouble: why the last look failed, as action
    calls have their errors; since: when that began. left_out: what was not made good, and when that was found.
    """

    trigger = models.OneToOneField(Trigger, on_delete=models.CASCADE, primary_key=True, related_name="watch")
    state = models.JSONField(default=dict)
    watched = models.CharField(max_length=200, blank=True)
    present = models.CharField(max_length=300, blank=True)
    looked_at = models.DateTimeField(null=True)
    expected_at = models.DateTimeField(null=True)
    next_look_at = models.DateTimeField(default=clock.now)
    lease_holder = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    trouble = models.JSONField(null=True)
    trouble_since = models.DateTimeField(null=True)
    left_out = models.CharField(max_length=300, blank=True)
    left_out_at = models.DateTimeField(null=True)

    objects: ClassVar[WatchQuerySet] = WatchQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["trigger"]
        verbose_name_plural = "watches"
        indexes = [models.Index(fields=["next_look_at"], name="watch_due")]
        constraints = [
            models.CheckConstraint(
                condition=Q(lease_holder__isnull=True, lease_until__isnull=True)
                | Q(lease_holder__isnull=False, lease_until__isnull=False),
                name="watch_lease_whole",
            )
        ]

    def __str__(self) -> str:
        return f"watch of {self.trigger_id}"
