"""Workflows: a draft that people edit, and the numbered versions that runs follow."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from connections.models import User, Workspace
from connections.tenancy.queryset import TenantQuerySet
from core.db import clock
from workflows.models.triggers import Trigger

DEFAULT_PACE = 300
FASTEST_PACE = 600


class Workflow(models.Model):
    """One trigger, conditions and steps. Only an active workflow with a published version runs.

    max_runs_per_minute: beyond it, TaskJuice pauses the workflow (pause_reason safety) and keeps its runs until a
    person resumes it. counted_from: runs before that do not count, null for all count.
    """

    class Status(models.TextChoices):
        DRAFT = "draft"
        ACTIVE = "active"
        PAUSED = "paused"
        ARCHIVED = "archived"

    class PauseReason(models.TextChoices):
        SAFETY = "safety"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="workflows")
    name = models.CharField(max_length=120)
    trigger = models.ForeignKey(Trigger, on_delete=models.PROTECT, related_name="workflows")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    pause_reason = models.CharField(max_length=10, choices=PauseReason.choices, blank=True, default="")
    max_runs_per_minute = models.PositiveSmallIntegerField(default=DEFAULT_PACE)
    counted_from = models.DateTimeField(null=True, blank=True)
    draft = models.JSONField(default=dict, help_text="The definition as last edited")
    live = models.ForeignKey(
        "WorkflowVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    form_key = models.UUIDField(
        null=True, unique=True, editable=False, help_text="Key of the form that created it; accepted once"
    )

    objects: ClassVar[TenantQuerySet["Workflow"]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "id"]
        permissions = [("pause_workflow", "Can pause and resume workflows")]
        indexes = [models.Index(fields=["workspace", "-created_at", "id"], name="workflow_by_workspace")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["draft", "active", "paused", "archived"]),
                name="workflow_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="active") | Q(live__isnull=False), name="workflow_active_has_version"
            ),
            models.CheckConstraint(
                condition=Q(pause_reason="") | Q(pause_reason="safety", status="paused"),
                name="workflow_pause_reason_of_paused",
            ),
            models.CheckConstraint(
                condition=Q(max_runs_per_minute__gte=1, max_runs_per_minute__lte=FASTEST_PACE),
                name="workflow_pace_bounded",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WorkflowVersion(models.Model):
    """A published definition; never changed, so a run can always be explained."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    published_at = models.DateTimeField(default=clock.now, editable=False)
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["workflow", "number"], name="version_once")]

    def __str__(self) -> str:
        return f"{self.workflow} v{self.number}"

    @property
    def steps(self) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = self.definition["steps"]
        return steps
