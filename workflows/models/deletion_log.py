"""The statements of what was deleted because it was older than its agency keeps it."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from connections.models import Workspace
from connections.retention_periods import LEAST_DAYS, MOST_DAYS
from connections.tenancy.queryset import TenantQuerySet
from core.db import clock


class RetentionStatement(models.Model):
    """The deletions in one workspace on one day (UTC): rows of each kind, none of them newer than `cutoff`.

    Counted in the transaction that deletes, so it is right however the work ends. stage: the kind of rows that is
    being deleted, see workflows.retention.prune. worked_at: its last turn. finished_at: null while more is to go.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    days = models.PositiveSmallIntegerField(help_text="How long the agency kept things when it began")
    cutoff = models.DateTimeField()
    stage = models.PositiveSmallIntegerField(default=0)
    events = models.PositiveIntegerField(default=0)
    runs = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)
    calls = models.PositiveIntegerField(default=0)
    deliveries = models.PositiveIntegerField(default=0)
    replays = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=clock.now, editable=False)
    worked_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[TenantQuerySet["RetentionStatement"]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-day", "id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "day"], name="retention_once_a_day"),
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(finished_at__isnull=True), name="retention_one_under_way"
            ),
            models.CheckConstraint(
                condition=Q(days__gte=LEAST_DAYS, days__lte=MOST_DAYS), name="retention_days_bounded"
            ),
            models.CheckConstraint(
                condition=Q(cutoff__lt=F("started_at")), name="retention_cutoff_in_the_past"
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(finished_at__gte=F("started_at")),
                name="retention_ends_after_it_began",
            ),
        ]
        indexes = [
            models.Index(
                fields=["worked_at"], condition=Q(finished_at__isnull=True), name="retention_under_way"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.workspace_id}"
