"""Secret links: each allows one act, once, until it expires or is cancelled.

Only its digest is searched for; the secret itself is sealed, so that the link can be mailed and shown again, and
erased as soon as the link is over.
"""

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from connections.models.connection import Connection
from connections.models.people import Account, User
from core.crypto import SealedField, Unreadable, reveal, seal
from core.db import clock

_LIFE = timedelta(days=7)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


Link = TypeVar("Link", bound="SecretLink")


class SecretLinkQuerySet(models.QuerySet[Link]):
    """Links of one kind."""

    def open(self) -> Self:
        """Links neither used nor cancelled; they may have expired."""
        return self.filter(used_at__isnull=True, cancelled_at__isnull=True)

    def usable(self) -> Self:
        return self.open().filter(expires_at__gt=clock.now())


class SecretLink(models.Model):
    """The base of both kinds of links. `renew` gives it a new secret and another seven days."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    secret = SealedField(null=True)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret, hex")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    route: ClassVar[str]

    class Meta:
        abstract = True

    def renew(self) -> None:
        """Fill in a new secret, unsaved; the link sent before stops working."""
        secret = secrets.token_urlsafe(32)
        seal(self, "secret", secret)
        self.digest = digest_of(secret)
        self.expires_at = clock.now() + _LIFE

    @property
    def url(self) -> str | None:
        """The link as it is mailed; None when no key of ours opens the secret (sending it again makes a new one).

        The secret is in the query, which no log of ours shows.
        """
        try:
            secret = reveal(self, "secret")
        except Unreadable:
            return None
        return f"{settings.PUBLIC_BASE_URL}{reverse(self.route)}?link={secret}"

    @property
    def is_open(self) -> bool:
        return self.used_at is None and self.cancelled_at is None

    @property
    def expired(self) -> bool:
        return self.is_open and self.expires_at <= clock.now()

    def over(self, *, used_at: datetime | None = None, cancelled_at: datetime | None = None) -> bool:
        """End it once, erasing the secret. False when it was over already."""
        still = type(self)._default_manager.filter(
            pk=self.pk, used_at__isnull=True, cancelled_at__isnull=True
        )
        ended = still.update(used_at=used_at, cancelled_at=cancelled_at, secret=None)
        self.refresh_from_db()
        return bool(ended)


class Invitation(SecretLink):
    """An invitation to join an agency, valid only for the address it was sent to."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField("email")
    role = models.CharField(max_length=10, choices=[("admin", "admin"), ("member", "member")])
    used_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    route = "connections:join"
    objects: ClassVar[SecretLinkQuerySet["Invitation"]] = SecretLinkQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "email"],
                condition=Q(used_at__isnull=True, cancelled_at__isnull=True),
                name="invitation_open_once",
            ),
            models.CheckConstraint(condition=Q(role__in=["admin", "member"]), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"invitation of {self.email}"


class ClientLink(SecretLink):
    """An invitation of a client to authorize one connection, without a TaskJuice account.

    opened_at: first opened. confirmed_at: the client agreed and went to the provider. ending: how their
    last attempt ended (connections.connecting.results), "" while none has.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="client_links")
    email = models.EmailField("email", blank=True, help_text="Empty: the agency shares the link itself")
    expected_account = models.CharField(max_length=120, blank=True, help_text="PagerDuty: the subdomain")
    optional_permissions = models.JSONField(
        default=list, blank=True, help_text="Keys of the provider's optional permissions to request, too"
    )
    opened_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=20, blank=True)
    ending_words = models.CharField(max_length=300, blank=True, help_text="The provider's words about it")
    ended_at = models.DateTimeField(null=True, blank=True)

    route = "connections:client"
    objects: ClassVar[SecretLinkQuerySet["ClientLink"]] = SecretLinkQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection"],
                condition=Q(used_at__isnull=True, cancelled_at__isnull=True),
                name="client_link_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"client link of {self.connection_id}"
