"""Triggers that act at a time: watches of polled ones, and deadlines of those for what does not happen."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

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


class DeadlineQuerySet(models.QuerySet["Deadline"]):
    """Deadlines, and which of them a worker can take up."""

    def open(self) -> "DeadlineQuerySet":
        """Return those that are neither passed nor cancelled."""
        return self.filter(next_attempt_at__isnull=False)

    def due(self, now: datetime) -> "DeadlineQuerySet":
        """Return due deadlines of active triggers without a lease, the longest waiting first."""
        rows = self.open().filter(leases.free(now), next_attempt_at__lte=now)
        return rows.filter(trigger__status=Trigger.Status.ACTIVE).order_by("next_attempt_at", "pk")


class Deadline(models.Model):
    """The time by which something has to happen to one thing, such as an incident; one for each trigger and thing.

    open → passed (it had not happened, and became an event) or cancelled (reason: why, as a sentence). When it begins
    anew, the row is used again.

    subject: the lane of the deliveries about that thing. since: when the change happened that it counts from; told_at:
    when the latest change happened that is taken account of, so that a late delivery of an earlier one changes nothing.
    cause: the write of a run that led to the change. attempts: at asking the provider, the one under way included;
    next_attempt_at: None when it has ended. trouble: why the last attempt failed, as action calls have their errors;
    trouble_since: when that began.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        PASSED = "passed"
        CANCELLED = "cancelled"

    # Of a trigger, open ones.
    MOST: ClassVar[int] = 10_000

    id = models.BigAutoField(primary_key=True)
    trigger = models.ForeignKey(Trigger, on_delete=models.CASCADE, related_name="deadlines", db_index=False)
    subject = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    since = models.DateTimeField()
    due_at = models.DateTimeField()
    told_at = models.DateTimeField()
    cause = models.ForeignKey(
        "Trace", on_delete=models.SET_NULL, null=True, related_name="deadlines", db_index=False
    )
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    lease_holder = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    trouble = models.JSONField(null=True)
    trouble_since = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True, default="")
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[DeadlineQuerySet] = DeadlineQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["trigger", "subject"], name="deadline_once"),
            models.CheckConstraint(
                condition=Q(status="open", next_attempt_at__isnull=False, ended_at__isnull=True)
                | Q(
                    status__in=["passed", "cancelled"],
                    next_attempt_at__isnull=True,
                    lease_until__isnull=True,
                    trouble__isnull=True,
                    ended_at__isnull=False,
                ),
                name="deadline_open_or_ended",
            ),
            models.CheckConstraint(condition=Q(due_at__gt=F("since")), name="deadline_is_later"),
            models.CheckConstraint(
                condition=Q(lease_holder__isnull=True, lease_until__isnull=True)
                | Q(lease_holder__isnull=False, lease_until__isnull=False),
                name="deadline_lease_whole",
            ),
            models.CheckConstraint(
                condition=Q(trouble__isnull=True, trouble_since__isnull=True)
                | Q(trouble__isnull=False, trouble_since__isnull=False),
                name="deadline_trouble_has_date",
            ),
        ]
        indexes = [
            # Those are the open ones; of a comparison SQLite sees that it excludes what is null.
            models.Index(
                fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="deadline_due"
            ),
            models.Index(
                fields=["trigger", "due_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="deadline_open",
            ),
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="deadline_ended"),
            models.Index(fields=["cause"], condition=Q(cause__isnull=False), name="deadline_by_cause"),
        ]

    def __str__(self) -> str:
        return f"{self.status} deadline of {self.subject} for {self.trigger_id}"
