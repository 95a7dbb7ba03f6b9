"""Audit events: who did what to which connection, when, from where. Written once, never changed."""

import uuid
from typing import Any, ClassVar, NoReturn

from django.db import models

from connections.models.connection import Connection
from connections.models.keys import ApiKey
from connections.models.people import Account, User, Workspace
from connections.tenancy.queryset import TenantQuerySet
from core.db import clock


class AuditEventQuerySet(TenantQuerySet["AuditEvent"]):
    """Audit events: to be read and added to. The database refuses the rest as well (migrations 0002, 0005)."""

    def _refused(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Audit events are neither changed nor deleted.")

    update = bulk_update = delete = _refused


class AuditEvent(models.Model):
    """One act."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, null=True, related_name="+")
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, null=True, related_name="audit_events"
    )
    actor_kind = models.CharField(max_length=10)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, related_name="+")
    actor_label = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=200, blank=True)
    detail = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects: ClassVar[AuditEventQuerySet] = AuditEventQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(fields=["account", "-created_at"], name="audit_by_account"),
            models.Index(fields=["connection", "-created_at"], name="audit_by_connection"),
            models.Index(fields=["-created_at", "id"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Audit events are not deleted.")
