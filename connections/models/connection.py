"""A connection (a labelled, reusable authorisation) and the grant (tokens) it holds."""

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from connections.models.oauth_apps import OAuthApp
from connections.models.people import User, Workspace
from connections.tenancy.queryset import TenantQuerySet
from core.crypto import SealedField
from core.db import clock
from core.db.hot import rows

_USE_GRAIN = timedelta(minutes=1)


class _Connections(TenantQuerySet["Connection"]):
    def get_with_grant(self, **where: Any) -> "Connection":
        """As `get`, of columns, with the grant that it has already; each step of each run asks for one."""
        found, grant = rows.read_with(Connection, where, Grant, "connection")
        if grant is not None:
            grant.connection = found
        return found


class Connection(models.Model):
    """A workspace's access to an account at a provider, as the user who consented."""

    class Status(models.TextChoices):
        PENDING = "pending"
        ACTIVE = "active"
        ERROR = "error", "Reconnection needed"
        REVOKED = "revoked"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="connections")
    provider = models.CharField(max_length=40)
    label = models.CharField(max_length=120)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    status_reason = models.CharField(max_length=300, blank=True)
    external_account_id = models.CharField(max_length=120, blank=True)
    external_account_name = models.CharField(max_length=120, blank=True, help_text="PagerDuty: the subdomain")
    external_user_id = models.CharField(max_length=120, blank=True)
    region = models.CharField(max_length=10, blank=True)
    authorised_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    authorised_label = models.CharField(
        max_length=254,
        blank=True,
        help_text="Who authorized it, as in the audit log; also without an account",
    )
    authorised_at = models.DateTimeField(null=True, blank=True)
    default_from = models.EmailField(
        max_length=254, blank=True, help_text="From user of actions that name none"
    )
    last_used_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="The last health check")
    check_failure = models.CharField(
        max_length=300, blank=True, help_text="Why that check failed; empty if it succeeded"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects: ClassVar[_Connections] = _Connections.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "id"]
        permissions = [("revoke_connection", "Can revoke connections")]
        indexes = [
            models.Index(fields=["workspace", "-created_at", "id"], name="connection_by_workspace"),
            models.Index(fields=["-created_at", "id"], name="connection_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "provider", "label"],
                condition=~Q(status="revoked"),
                name="connection_label_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "active", "error", "revoked"]),
                name="connection_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "revoked"])
                | (~Q(external_account_id="") & Q(authorised_at__isnull=False)),
                name="connection_bound_when_live",
            ),
            models.CheckConstraint(
                condition=(Q(status="revoked") & Q(revoked_at__isnull=False))
                | (~Q(status="revoked") & Q(revoked_at__isnull=True)),
                name="connection_revoked_has_date",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    def used(self) -> None:
        """Remember when it was last used, written at most once a minute."""
        now = clock.now()
        if self.last_used_at is None or now - self.last_used_at > _USE_GRAIN:
            Connection.objects.filter(pk=self.pk).update(last_used_at=now)


class Grant(models.Model):
    """The tokens of a connection and the state of their renewal. Erased, not deleted, when revoked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="grant")
    access_token = SealedField(null=True, blank=True)
    refresh_token = SealedField(null=True, blank=True)
    oauth_app = models.ForeignKey(
        OAuthApp,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        help_text="The client's own OAuth app; empty: this server's",
    )
    scopes_asked = models.JSONField(default=list)
    scopes_granted = models.JSONField(default=list)
    delegation_id = models.CharField(max_length=120, blank=True)
    obtained_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    lapses_at = models.DateTimeField(
        null=True, blank=True, help_text="When it expires unless it is refreshed"
    )
    consent_ends_at = models.DateTimeField(
        null=True, blank=True, help_text="When the consent expires, even if it is refreshed"
    )
    generation = models.PositiveIntegerField(default=1, help_text="Number of token sets stored so far")
    consent_told = models.CharField(
        max_length=10, blank=True, default="", help_text="The last notice of its expiry"
    )
    lease_holder = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="Transient refresh failures in a row")
    next_refresh_at = models.DateTimeField(null=True, blank=True)
    refused_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the present series of refused access tokens began",
    )
    refused_at = models.DateTimeField(null=True, blank=True, help_text="The last refusal of that series")
    renewals_until = models.DateTimeField(
        null=True, blank=True, help_text="Limits refreshes after refusals; each adds some seconds"
    )

    class Meta:
        indexes = [
            models.Index(fields=["next_refresh_at"], name="grant_due"),
            models.Index(fields=["consent_ends_at"], name="grant_consent_ends"),
        ]

    def __str__(self) -> str:
        return f"grant of {self.connection_id}"
