"""Triggers: a catalog key with its own incoming URL and signing secrets, and what arrived before those."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from connections.models import Connection, User, Workspace
from connections.tenancy.queryset import TenantQuerySet
from core.crypto import SealedField, reveal
from core.db import clock


class Trigger(models.Model):
    """One incoming URL. It holds deliveries until its first signing secret is known."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        CLOSED = "closed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="triggers")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="triggers")
    key = models.CharField(max_length=80, help_text="From the catalog, such as pagerduty/incident-triggered")
    name = models.CharField(max_length=120)
    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    redact = models.JSONField(
        "fields never stored", default=list, blank=True, help_text="Paths of the payload"
    )
    options = models.JSONField(default=dict, blank=True, help_text="Declared by its type in the catalog")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    twins_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Until then two webhooks may report one change, under two event IDs",
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[TenantQuerySet["Trigger"]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "id"]
        permissions = [("pause_trigger", "Can pause and resume triggers")]
        indexes = [models.Index(fields=["workspace", "-created_at", "id"], name="trigger_by_workspace")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["active", "paused", "closed"]), name="trigger_status_known"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def provider(self) -> str:
        return self.key.partition("/")[0]

    @property
    def url(self) -> str:
        """The URL for the provider's webhook. It is no secret: deliveries must be signed."""
        return f"{settings.PUBLIC_BASE_URL}/hooks/{self.provider}/{self.token}"

    def lock(self) -> None:
        """Keep others from changing it until the transaction ends, and see its status and fields as they are by now.

        Writing takes the row's lock on both databases.
        """
        Trigger.objects.filter(pk=self.pk).update(status=F("status"))
        self.refresh_from_db(fields=["status", "redact", "options"])


class TriggerSecret(models.Model):
    """One signing secret; several are active while a client rotates them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    trigger = models.ForeignKey(Trigger, on_delete=models.CASCADE, related_name="secrets")
    secret = SealedField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return f"secret of {self.trigger_id}"

    def value(self) -> str:
        return reveal(self, "secret")


class HeldDelivery(models.Model):
    """A delivery that came before its trigger had a secret: unverified, so it is neither handled nor shown."""

    trigger = models.ForeignKey(Trigger, on_delete=models.CASCADE, related_name="held")
    body = models.BinaryField()
    signature = models.CharField(max_length=4096)
    received_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"held for {self.trigger_id}"


class TurnedAway(models.Model):
    """The number of rejected or duplicate deliveries of one minute; nothing else of them is kept.

    `minute` is the time cut to the minute, or the moment at which a new secret ended that count (see
    turned_away.close_minute); `count` stops at `MOST_A_MINUTE`.
    """

    MOST_A_MINUTE: ClassVar[int] = 60

    class Verdict(models.TextChoices):
        REFUSED = "refused"
        DUPLICATE = "duplicate"

    trigger = models.ForeignKey(Trigger, on_delete=models.CASCADE, related_name="turned_away", db_index=False)
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    minute = models.DateTimeField(db_index=True)
    count = models.PositiveSmallIntegerField(default=1)
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-last_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["trigger", "verdict", "minute"], name="turned_away_once_a_minute"
            ),
            models.CheckConstraint(
                condition=Q(verdict__in=["refused", "duplicate"]), name="turned_away_verdict_known"
            ),
        ]
        indexes = [models.Index(fields=["trigger", "-last_at"], name="turned_away_by_trigger")]

    def __str__(self) -> str:
        return f"{self.count} {self.verdict} by {self.trigger_id}"
