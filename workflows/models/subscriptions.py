"""Subscriptions: webhooks that TaskJuice itself keeps at a provider for a trigger."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from core.db import clock, leases
from workflows.models.triggers import Trigger, TriggerSecret


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def due(self, now: datetime) -> "SubscriptionQuerySet":
        """The subscriptions that a worker could claim now."""
        return self.filter(leases.free(now), next_attempt_at__lte=now)

    def open(self) -> "SubscriptionQuerySet":
        """The subscriptions that exist, or may exist, at the provider."""
        return self.filter(status__in=Subscription.OPEN)


class Subscription(models.Model):
    """One webhook at the provider, from the wish for it to its end.

    making (wanted; from `sent_at` on perhaps made) → on → replaced (a newer one is on, this one still delivers) →
    removing → removed; or failed (never made), or left (it may still be there, and we cannot remove it).

    reach: what it is limited to ({"kind": service or team, "id"}), {} for what the trigger is. others: ids of webhooks
    with the same address that were there before, which it takes the place of. trouble: what is wrong with it at the
    provider. well_at: when it was last seen to be enabled. gap_since: what happened from then on may have been missed,
    and is to be recovered; recovered: what became of the last time {"since", "until", "found", "stored", "words"}.
    attempts: in a row that did not succeed; next_attempt_at: None when nothing is to be done.
    """

    class Status(models.TextChoices):
        MAKING = "making"
        ON = "on"
        REPLACED = "replaced"
        REMOVING = "removing"
        REMOVED = "removed"
        FAILED = "failed"
        LEFT = "left"

    class Trouble(models.TextChoices):
        NONE = ""
        DISABLED = "disabled"
        INACTIVE = "inactive"

    OPEN: ClassVar[list[str]] = ["making", "on", "replaced", "removing"]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    trigger = models.ForeignKey(Trigger, on_delete=models.CASCADE, related_name="subscriptions")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.MAKING)
    external_id = models.CharField(max_length=120, blank=True, help_text="The webhook's ID at the provider")
    secret = models.ForeignKey(
        TriggerSecret, on_delete=models.RESTRICT, null=True, related_name="+", db_index=False
    )
    reach = models.JSONField(default=dict)
    others = models.JSONField(default=list)
    trouble = models.CharField(max_length=10, choices=Trouble.choices, blank=True, default="")
    sent_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField(null=True)
    pings = models.PositiveSmallIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)
    well_at = models.DateTimeField(null=True)
    tidied_at = models.DateTimeField(null=True)
    gap_since = models.DateTimeField(null=True)
    recovered = models.JSONField(null=True)
    error = models.JSONField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, default=clock.now)
    lease_holder = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[SubscriptionQuerySet] = SubscriptionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["trigger", "status"],
                condition=Q(status__in=["making", "on", "replaced"]),
                name="subscription_one_of_a_kind",
            ),
            models.UniqueConstraint(
                fields=["trigger", "external_id"], condition=~Q(external_id=""), name="subscription_id_once"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["making", "on", "replaced", "removing", "removed", "failed", "left"]),
                name="subscription_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["on", "replaced"])
                | (~Q(external_id="") & Q(secret__isnull=False, made_at__isnull=False)),
                name="subscription_made_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["making", "failed"]) | Q(external_id=""),
                name="subscription_unmade_has_no_id",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["removed", "failed", "left"], ended_at__isnull=False)
                | (~Q(status__in=["removed", "failed", "left"]) & Q(ended_at__isnull=True)),
                name="subscription_ended_has_date",
            ),
            models.CheckConstraint(
                condition=Q(trouble__in=["", "disabled", "inactive"]), name="subscription_trouble_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="subscription_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.status} subscription of {self.trigger_id}"
