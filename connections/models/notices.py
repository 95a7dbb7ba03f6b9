"""Notices: messages that must be sent exactly once, kept as rows until they are."""

import uuid

from django.db import models
from django.db.models import Q

from connections.models.connection import Connection
from connections.models.secret_links import ClientLink, Invitation
from core.crypto import SealedField
from core.db import clock


class Notice(models.Model):
    """One email that is owed, or was. Either about a row, and composed when it is sent, or with a text of its own.

    occasion: makes a repeat about the same row impossible. to, subject, body: of a text of its own; the body may hold
    a secret link, so it is sealed, and erased when the notice is over. error: why the last attempt failed, without
    the server's words, which may quote the message.
    """

    class Status(models.TextChoices):
        OWED = "owed"
        SENT = "sent"
        DROPPED = "dropped", "no longer needed"
        FAILED = "failed", "given up"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True, related_name="notices")
    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, null=True, related_name="notices")
    client_link = models.ForeignKey(ClientLink, on_delete=models.CASCADE, null=True, related_name="notices")
    kind = models.CharField(max_length=40)
    occasion = models.CharField(max_length=80)
    to = models.EmailField(blank=True)
    subject = models.CharField(max_length=200, blank=True)
    body = SealedField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OWED)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    next_attempt_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "occasion"], name="notice_once"),
            models.UniqueConstraint(fields=["invitation", "occasion"], name="notice_once_invitation"),
            models.UniqueConstraint(fields=["client_link", "occasion"], name="notice_once_client_link"),
            models.CheckConstraint(
                condition=Q(
                    connection__isnull=False, invitation__isnull=True, client_link__isnull=True, to=""
                )
                | Q(connection__isnull=True, invitation__isnull=False, client_link__isnull=True, to="")
                | Q(connection__isnull=True, invitation__isnull=True, client_link__isnull=False, to="")
                | Q(connection__isnull=True, invitation__isnull=True, client_link__isnull=True) & ~Q(to=""),
                name="notice_about_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["owed", "sent", "dropped", "failed"]), name="notice_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status="owed") | Q(body__isnull=True), name="notice_over_is_erased"
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="owed"), name="notice_owed"),
            models.Index(fields=["-created_at", "id"], name="notice_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
