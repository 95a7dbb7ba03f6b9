"""Notices: messages that must be sent exactly once, kept as rows until they are."""

import uuid

from django.db import models
from django.db.models import Q

from connections import clock
from connections.models.connection import Connection
from connections.models.secret_links import ClientLink, Invitation


class Notice(models.Model):
    """One message about one thing; `occasion` makes a repeat impossible."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True, related_name="notices")
    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, null=True, related_name="notices")
    client_link = models.ForeignKey(ClientLink, on_delete=models.CASCADE, null=True, related_name="notices")
    kind = models.CharField(max_length=40)
    occasion = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "occasion"], name="notice_once"),
            models.UniqueConstraint(fields=["invitation", "occasion"], name="notice_once_invitation"),
            models.UniqueConstraint(fields=["client_link", "occasion"], name="notice_once_client_link"),
            models.CheckConstraint(
                condition=Q(connection__isnull=False, invitation__isnull=True, client_link__isnull=True)
                | Q(connection__isnull=True, invitation__isnull=False, client_link__isnull=True)
                | Q(connection__isnull=True, invitation__isnull=True, client_link__isnull=False),
                name="notice_about_one_thing",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(sent_at__isnull=True), name="notice_unsent")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
