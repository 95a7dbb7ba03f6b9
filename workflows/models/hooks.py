"""Webhook endpoints of other software that subscribes to events and finished runs, and their outbox."""

import uuid
from datetime import datetime
from typing import ClassVar, Self
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Exists, OuterRef, Q

from connections.models import User, Workspace
from connections.tenancy.queryset import TenantQuerySet
from core.crypto import SealedField, reveal
from core.db import clock, leases
from workflows.models.events import Event
from workflows.models.runs import Run
from workflows.models.triggers import Trigger


class Hook(models.Model):
    """One subscription: where to post, and what. `trigger` None: the events of the whole workspace.

    failing_since: the first failure since the last success. held_until: it answered so slowly that others have
    their turn first, or asked to be left alone until then. tried_at: when it last had its turn. pause_reason: "" when
    a person paused it, `gone` when it answered 410.
    """

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"

    class PauseReason(models.TextChoices):
        GONE = "gone"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="hooks", db_index=False)
    name = models.CharField(max_length=120)
    url = models.CharField(max_length=2000)
    events = models.BooleanField(default=True, help_text="Receives the events of its triggers")
    runs = models.BooleanField(default=False, help_text="Receives finished runs")
    trigger = models.ForeignKey(Trigger, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    pause_reason = models.CharField(max_length=10, choices=PauseReason.choices, blank=True, default="")
    failing_since = models.DateTimeField(null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[TenantQuerySet["Hook"]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["workspace", "-created_at", "id"], name="hook_by_workspace")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=["active", "paused"]), name="hook_status_known"),
            models.CheckConstraint(
                condition=Q(pause_reason="") | Q(pause_reason="gone", status="paused"),
                name="hook_pause_reason_of_paused",
            ),
            models.CheckConstraint(condition=Q(events=True) | Q(runs=True), name="hook_takes_something"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def host(self) -> str:
        """The part of its address that may be logged; the rest can hold a token."""
        return urlsplit(self.url).hostname or ""


class HookSecret(models.Model):
    """One of our signing secrets. The newest has no `expires_at`; during a rotation the one before still signs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="secrets")
    secret = SealedField()
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["hook"], condition=Q(expires_at__isnull=True), name="hook_secret_one_newest"
            )
        ]

    def __str__(self) -> str:
        return f"secret of {self.hook_id}"

    def value(self) -> str:
        """As the receiver has it: `whsec_…`. Raises core.crypto.Unreadable."""
        return reveal(self, "secret")


class HookDeliveryQuerySet(TenantQuerySet["HookDelivery"]):
    """Deliveries."""

    def due(self, now: datetime) -> Self:
        """The deliveries to send now: of each lane the first pending one, if due and not leased."""
        earlier = HookDelivery.objects.filter(
            hook=OuterRef("hook"), lane=OuterRef("lane"), seq__lt=OuterRef("seq"), status="waiting"
        )
        return self.filter(leases.free(now), ~Exists(earlier), status="waiting", next_attempt_at__lte=now)


class HookDelivery(models.Model):
    """One message that is owed to a hook, under one id however often it is tried. `seq` is the order in a lane.

    waiting (until next_attempt_at) → delivered | dead (given up; it can be replayed) | cancelled (its hook went).
    tries: the last attempts as [{"at": ISO time, "status": HTTP status or None, "error": code or "", "ms": int}].
    """

    class Status(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        DEAD = "dead"
        CANCELLED = "cancelled"

    class Kind(models.TextChoices):
        EVENT = "event"
        RUN = "run"
        TEST = "test"

    seq = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, null=True, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="+")
    lane = models.CharField(max_length=200, help_text="The incident whose messages are sent in order")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    tries = models.JSONField(default=list)
    first_tried_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True, default=clock.now)
    lease_holder = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[HookDeliveryQuerySet] = HookDeliveryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-seq"]
        verbose_name_plural = "hook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["hook", "event"], name="hook_event_once"),
            models.UniqueConstraint(fields=["hook", "run"], name="hook_run_once"),
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "delivered", "dead", "cancelled"]),
                name="hook_delivery_status_known",
            ),
            models.CheckConstraint(
                condition=Q(kind="event", event__isnull=False, run__isnull=True)
                | Q(kind="run", event__isnull=True, run__isnull=False)
                | Q(kind="test", event__isnull=True, run__isnull=True),
                name="hook_delivery_about_one_thing",
            ),
            models.CheckConstraint(
                condition=~Q(status="waiting") | Q(next_attempt_at__isnull=False),
                name="hook_delivery_waits_until",
            ),
        ]
        indexes = [
            models.Index(
                fields=["hook", "lane", "seq"], condition=Q(status="waiting"), name="hook_delivery_owed"
            ),
            models.Index(fields=["hook", "-seq"], name="hook_delivery_by_hook"),
            models.Index(fields=["created_at"], name="hook_delivery_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class HookSender(models.Model):
    """The one sender at work on the machine `name`; other workers stay free for everything else meanwhile."""

    name = models.CharField(max_length=120, primary_key=True)
    holder = models.UUIDField(null=True)
    until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name
