"""Action calls: one use of a connection, written down before it happens."""

import uuid
from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from connections.models import ApiKey, Connection, User, Workspace
from connections.tenancy.queryset import TenantQuerySet
from core.db import clock, leases
from core.db.literals import literally

# Those that a worker may have to do something for.
_OPEN = ["pending", "running", "waiting"]


class ActionCallQuerySet(TenantQuerySet["ActionCall"]):
    """Calls."""

    def due(self, now: datetime) -> Self:
        """Calls outside any run whose next attempt is due, oldest first; a run drives its own calls."""
        waiting = Q(status__in=["pending", "waiting"], next_attempt_at__lte=now) | Q(status="running")
        open_ = literally("workflows_actioncall", "status", _OPEN)
        return (
            self.filter(leases.free(now), waiting, open_).exclude(origin="step").order_by("next_attempt_at")
        )


class ActionCall(models.Model):
    """One use of a connection: from a step, the API (of a stream nothing is kept), or a person trying it.

    pending → running → completed | failed | waiting (until next_attempt_at) → running …; paused: the
    connection needs a person; cancelled. `unsure`: an attempt may have had its effect without an answer, or may
    still have it until `settles_at`. identity: the id of the call that this one retries, in whose name it looks for
    what was done, and writes.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        WAITING = "waiting"
        PAUSED = "paused"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Origin(models.TextChoices):
        STEP = "step"
        API = "api"
        PERSON = "person"
        STREAM = "stream"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="calls", db_index=False)
    action = models.CharField(max_length=80)
    origin = models.CharField(max_length=10, choices=Origin.choices)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    input = models.JSONField()
    output = models.JSONField(null=True)
    error = models.JSONField(null=True)
    progress = models.JSONField(null=True, help_text="How far a long one has got, while it runs")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    rounds = models.PositiveSmallIntegerField(
        default=0, help_text="Times it was taken up again after it failed"
    )
    identity = models.UUIDField(null=True)
    unsure = models.BooleanField(default=False)
    first_sent_at = models.DateTimeField(null=True)
    settles_at = models.DateTimeField(null=True)
    baseline = models.JSONField(
        null=True,
        help_text="What the provider showed before the write was first sent, which is not its effect",
    )
    next_attempt_at = models.DateTimeField(null=True)
    lease_holder = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    idempotency_key = models.CharField(max_length=200, null=True)  # noqa: DJ001 - null keys never collide
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of action and input, hex")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    progress_written = 0.0  # time.monotonic() of the last time, in this process

    objects: ClassVar[ActionCallQuerySet] = ActionCallQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "idempotency_key"], name="call_idempotent"),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "pending",
                        "running",
                        "waiting",
                        "paused",
                        "completed",
                        "failed",
                        "cancelled",
                    ]
                ),
                name="call_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="waiting") | Q(next_attempt_at__isnull=False), name="call_waits_until"
            ),
        ]
        indexes = [
            models.Index(fields=["connection", "-created_at", "id"], name="call_by_connection"),
            models.Index(fields=["-created_at", "id"], name="call_by_time"),
            models.Index(fields=["connection", "fingerprint"], name="call_twins"),
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status__in=_OPEN),
                name="call_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.id}"

    @property
    def key(self) -> str:
        return str(self.id)

    @property
    def finished(self) -> bool:
        return self.status in {self.Status.COMPLETED, self.Status.FAILED, self.Status.CANCELLED}
