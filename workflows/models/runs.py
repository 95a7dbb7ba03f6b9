"""Runs: one execution of one workflow version for one event, and its steps."""

import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from connections.models import Connection, Workspace
from connections.tenancy.queryset import TenantQuerySet
from core.db import clock, leases
from core.db.literals import literally
from workflows.models.calls import ActionCall
from workflows.models.events import Event
from workflows.models.replays import ReplayBatch
from workflows.models.workflows import Workflow, WorkflowVersion

OPEN = ["pending", "running", "waiting"]
UNFINISHED = [*OPEN, "paused"]
ENDED_BADLY = ["failed", "cancelled"]
# Runs that start each other: the sixth further one is not begun.
MAX_DEPTH = 5


class RunQuerySet(TenantQuerySet["Run"]):
    """Runs."""

    def real(self) -> Self:
        """The runs that are not tests of a draft."""
        return self.filter(version__isnull=False)

    def due(self, now: datetime) -> Self:
        """Return due runs without a lease, regardless of earlier runs of their lanes."""
        return self.filter(leases.free(now), literally("workflows_run", "status", OPEN), due_at__lte=now)

    def with_status(self, status: str) -> Self:
        """The runs with that status. Failed ones have an index of their own; unfinished ones are read newest first.

        Not within a subquery.
        """
        rows = self.filter(status=status)
        return (
            rows.filter(literally("workflows_run", "status", ENDED_BADLY)) if status in ENDED_BADLY else rows
        )

    def tests_due(self, now: datetime) -> Self:
        """Tests of drafts that may be taken up: each by itself, it neither waits for other runs nor keeps them."""
        return self.due(now).filter(version__isnull=True).order_by("due_at")


class Run(models.Model):
    """One execution. `seq` orders runs; those of one workflow and lane happen one after the other.

    paused: `blocked_on` needs a person (reconnect), or `pause_reason` says why. replay: 0 for the event's own
    run, counting up for each time a person ran it again; replay_of: the run it was begun from, and replay_from where it
    began: at what had failed there, keeping what had completed, or at the start. depth: how many runs before it caused
    each other, 0 when a person or another system did; origin: the one whose write caused its event, which may be
    another tenant's; chain: the same for all runs that one change has led to, see workflows.runs.chain_limits.

    A test of a draft follows no version but `tested`, the draft as it was then. once: the form or request that asked
    for a test or a replay, which serves once.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        WAITING = "waiting"
        PAUSED = "paused"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class PauseReason(models.TextChoices):
        PERSON = "person"
        SAFETY = "safety"

    class ReplayFrom(models.TextChoices):
        FAILED_STEP = "failed_step"
        START = "start"

    seq = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="runs", db_index=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="runs", db_index=False)
    version = models.ForeignKey(
        WorkflowVersion, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    tested = models.JSONField(null=True, help_text="Of a test run: the draft that it runs")
    once = models.CharField(max_length=32, blank=True, default="")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="runs")
    replay = models.PositiveIntegerField(default=0)
    replay_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="replays", db_index=False
    )
    replay_from = models.CharField(max_length=11, choices=ReplayFrom.choices, blank=True, default="")
    batch = models.ForeignKey(
        ReplayBatch, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    lane = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    position = models.PositiveSmallIntegerField(default=0, help_text="Index of the current step")
    blocked_on = models.ForeignKey(
        Connection, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    pause_reason = models.CharField(max_length=10, choices=PauseReason.choices, blank=True, default="")
    depth = models.PositiveSmallIntegerField(default=0)
    origin = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    chain = models.UUIDField(null=True, editable=False)
    error = models.JSONField(null=True)
    claims = models.PositiveSmallIntegerField(default=0, help_text="Claims since the last progress")
    due_at = models.DateTimeField(default=clock.now)
    lease_holder = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[RunQuerySet] = RunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-seq"]
        constraints = [
            models.UniqueConstraint(
                fields=["workflow", "event", "replay"],
                condition=Q(version__isnull=False),
                name="run_once",
            ),
            models.UniqueConstraint(
                fields=["workflow", "once"], condition=Q(version__isnull=True), name="run_test_once"
            ),
            models.UniqueConstraint(
                fields=["workflow", "once"],
                condition=Q(version__isnull=False) & ~Q(once=""),
                name="run_replay_once",
            ),
            models.CheckConstraint(
                condition=Q(version__isnull=False, tested__isnull=True)
                | (Q(version__isnull=True, tested__isnull=False, replay=0, batch__isnull=True) & ~Q(once="")),
                name="run_of_version_or_test",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[*UNFINISHED, "completed", "failed", "cancelled"]),
                name="run_status_known",
            ),
            models.CheckConstraint(condition=Q(depth__gte=0, depth__lte=MAX_DEPTH), name="run_depth_bounded"),
            models.CheckConstraint(
                condition=Q(pause_reason="") | Q(pause_reason__in=["person", "safety"], status="paused"),
                name="run_pause_reason_of_paused",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "workflow", "lane", "seq"],
                condition=Q(status__in=UNFINISHED, version__isnull=False),
                name="run_turns",
            ),
            models.Index(
                fields=["workspace", "due_at"],
                condition=Q(status__in=OPEN, version__isnull=False),
                name="run_due_turns",
            ),
            models.Index(
                fields=["due_at"], condition=Q(status__in=OPEN, version__isnull=True), name="run_test_due"
            ),
            models.Index(fields=["seq"], condition=Q(status="paused"), name="run_paused"),
            models.Index(fields=["workspace", "seq"], name="run_by_workspace"),
            models.Index(
                fields=["workspace", "status", "seq"],
                condition=Q(status__in=ENDED_BADLY),
                name="run_ended_badly",
            ),
            models.Index(fields=["workspace", "lane", "seq"], name="run_by_incident"),
            models.Index(fields=["workflow", "seq"], name="run_by_workflow"),
            models.Index(fields=["created_at"], name="run_by_time"),
            models.Index(fields=["workflow", "created_at"], name="run_pace"),
            models.Index(
                fields=["blocked_on"], condition=Q(blocked_on__isnull=False), name="run_by_blocked_on"
            ),
            models.Index(fields=["batch"], condition=Q(batch__isnull=False), name="run_by_batch"),
            models.Index(fields=["replay_of"], condition=Q(replay_of__isnull=False), name="run_by_replay_of"),
            models.Index(fields=["chain"], condition=Q(chain__isnull=False), name="run_by_chain"),
            models.Index(fields=["origin"], condition=Q(origin__isnull=False), name="run_by_origin"),
        ]

    def __str__(self) -> str:
        return f"run {self.id}"

    @property
    def is_test(self) -> bool:
        return self.version_id is None

    def is_due(self, now: datetime) -> bool:
        """Return whether `RunQuerySet.due` would find the run as it was read."""
        return self.status in OPEN and self.due_at <= now and leases.is_free(self, now)

    @property
    def is_retry(self) -> bool:
        """Return whether the run continues from the failed step of an earlier run."""
        return self.replay_from == self.ReplayFrom.FAILED_STEP

    @property
    def plan(self) -> list[dict[str, Any]]:
        """The steps that it follows."""
        steps: list[dict[str, Any]] = self.version.steps if self.version else (self.tested or {})["steps"]
        return steps

    @property
    def next_connection(self) -> str | None:
        """The key of the connection that its next step uses; None if it has no further step."""
        return connection_of(self.plan, self.position)


def connection_of(steps: Any, position: int) -> str | None:
    """Return the key of the connection that the step at that position uses; None if there is no such step."""
    try:
        return str(steps[position]["connection"])
    except (LookupError, TypeError):  # no such step, or no steps that can be read: the walk says so
        return None


class StepRun(models.Model):
    """One step of a run. Attempts and waits are on its action call; a step that its only_if skips has none.

    kept: the call of an earlier run whose output this one keeps, so that it is not made again.
    """

    class Status(models.TextChoices):
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"
        SKIPPED = "skipped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps", db_index=False)
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=60)
    action = models.CharField(max_length=80)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    call = models.OneToOneField(ActionCall, on_delete=models.PROTECT, null=True, related_name="step_run")
    kept = models.ForeignKey(
        ActionCall, on_delete=models.PROTECT, null=True, related_name="kept_by", db_index=False
    )
    error = models.JSONField(null=True)
    started_at = models.DateTimeField(default=clock.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="step_once"),
            models.CheckConstraint(
                condition=Q(status__in=["running", "completed", "failed", "skipped"]),
                name="step_status_known",
            ),
            models.CheckConstraint(
                condition=Q(kept__isnull=True) | Q(call__isnull=True, status="completed"),
                name="step_kept_is_completed",
            ),
        ]
        indexes = [models.Index(fields=["kept"], condition=Q(kept__isnull=False), name="step_by_kept")]

    def __str__(self) -> str:
        return f"{self.key} of {self.run_id}"

    @property
    def made(self) -> ActionCall | None:
        """The call that has its input and output: its own, or the one it keeps."""
        return self.call or self.kept
