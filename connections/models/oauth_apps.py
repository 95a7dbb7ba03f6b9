"""A client's own app at the provider, through which the consents of its workspace go."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from connections.models.people import User, Workspace
from connections.tenancy.queryset import TenantQuerySet
from core.crypto import SealedField
from core.db import clock


class OAuthApp(models.Model):
    """Client id and secret. Retired, not deleted: grants that came through it are renewed through it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="oauth_apps")
    provider = models.CharField(max_length=40)
    client_id = models.CharField(max_length=200)
    client_secret = SealedField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[TenantQuerySet["OAuthApp"]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "id"]
        verbose_name = "OAuth app"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "provider"],
                condition=Q(retired_at__isnull=True),
                name="oauth_app_one_in_use",
            ),
            models.UniqueConstraint(
                fields=["workspace", "provider", "client_id"], name="oauth_app_known_once"
            ),
            models.CheckConstraint(condition=~Q(client_id=""), name="oauth_app_has_client_id"),
        ]

    def __str__(self) -> str:
        return self.client_id
