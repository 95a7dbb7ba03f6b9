"""Replays of many runs at once, made in the background."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from connections.models import Workspace
from connections.tenancy.queryset import TenantQuerySet
from core.db import clock


class ReplayBatch(models.Model):
    """The finished runs of one workspace, out of a selection, that are run again, one after the other.

    group: the id of the first batch of the same selection, null for that itself. begin_at: as Run.replay_from, "" for
    the failed step of those that have one.

    making → made (each has its new run) or cancelled. selection: what was asked for. chosen: `seq` of the runs to
    replay; the first `made` of them have been seen to. Progress beyond that is told by the new runs themselves.
    """

    class Status(models.TextChoices):
        MAKING = "making"
        MADE = "made"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    group = models.UUIDField(null=True, editable=False)
    begin_at = models.CharField(max_length=11, blank=True, default="")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.MAKING)
    selection = models.JSONField()
    chosen = models.JSONField()
    made = models.PositiveSmallIntegerField(default=0)
    started_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[TenantQuerySet["ReplayBatch"]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["making", "made", "cancelled"]), name="replay_status_known"
            )
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(status="making"), name="replay_making"),
            models.Index(fields=["group"], condition=Q(group__isnull=False), name="replay_group"),
        ]

    def __str__(self) -> str:
        return f"replay of {len(self.chosen)} runs"
