"""The inbox: one row for each accepted delivery, as it was signed, without the fields its trigger never stores."""

import json
import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from connections.models import Workspace
from connections.tenancy.queryset import TenantQuerySet
from core.db import clock
from core.text.json_sanitize import storable
from workflows.models.triggers import Trigger


class Event(models.Model):
    """One accepted delivery. `seq` is the order of arrival; a lane is one incident of one trigger.

    source: while one change may be told twice, by whom this was: the id of the signing secret; “recovered” for what was
    read from the provider afterwards because it was not delivered; “deadline” for what a passed deadline made.
    happened_at: when that change was, of what was recovered.

    queued → done (runs made) or failed (could not be read as often as it was tried); ignored: kept, but
    nothing that this trigger fires on; filtered: kept, but not what its options let through. error: why it failed, or
    was filtered. cause: the write of one of our own runs that this event tells of. not_started: workflows that their
    chain kept from beginning: [{"workflow", "code"}].
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        DONE = "done"
        IGNORED = "ignored"
        FILTERED = "filtered"
        FAILED = "failed"

    RECOVERED: ClassVar[str] = "recovered"
    DEADLINE: ClassVar[str] = "deadline"

    seq = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="events", db_index=False)
    trigger = models.ForeignKey(Trigger, on_delete=models.PROTECT, related_name="events", db_index=False)
    external_id = models.CharField(max_length=200, help_text="The provider's signed event id")
    event_type = models.CharField(max_length=120)
    lane = models.CharField(max_length=200)
    body = models.BinaryField(
        help_text="The bytes that were signed, without the fields that are never stored"
    )
    is_test = models.BooleanField(default=False)
    source = models.CharField(max_length=32, blank=True, default="")
    happened_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, choices=Status.choices)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    not_started = models.JSONField(null=True, blank=True)
    cause = models.ForeignKey("Trace", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    received_at = models.DateTimeField(default=clock.now, editable=False)

    objects: ClassVar[TenantQuerySet["Event"]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-seq"]
        permissions = [("requeue_event", "Can put failed events back into the queue")]
        constraints = [
            models.UniqueConstraint(fields=["trigger", "external_id"], name="event_once"),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "done", "ignored", "filtered", "failed"]),
                name="event_status_known",
            ),
            models.CheckConstraint(
                condition=Q(source="recovered", happened_at__isnull=False)
                | (~Q(source="recovered") & Q(happened_at__isnull=True)),
                name="event_recovered_has_date",
            ),
            models.UniqueConstraint(
                fields=["trigger", "cause"], condition=Q(cause__isnull=False), name="event_cause_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "trigger", "lane", "seq"],
                condition=Q(status="queued"),
                name="event_turns",
            ),
            models.Index(fields=["workspace", "seq"], name="event_by_workspace"),
            models.Index(fields=["trigger", "seq"], name="event_by_trigger"),
            models.Index(fields=["received_at"], name="event_by_time"),
            models.Index(fields=["trigger", "lane"], condition=~Q(source=""), name="event_twins"),
            models.Index(fields=["cause"], condition=Q(cause__isnull=False), name="event_by_cause"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.external_id}"

    @property
    def is_recovered(self) -> bool:
        return self.source == self.RECOVERED

    @property
    def payload(self) -> Any:
        """The body as JSON, without what no answer and no row can carry; None when it is not JSON."""
        try:
            payload = json.loads(bytes(self.body))
        except (ValueError, RecursionError):
            return None
        return storable(payload)
