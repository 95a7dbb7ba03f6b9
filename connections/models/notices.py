"""Notices: messages the agency must get exactly once, kept as rows until they are sent."""

import uuid

from django.db import models
from django.utils import timezone

from connections.models.connection import Connection


class Notice(models.Model):
    """One message about one connection; `occasion` makes a repeat impossible."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=40)
    occasion = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "occasion"], name="notice_once")]
        indexes = [
            models.Index(
                fields=["created_at"], condition=models.Q(sent_at__isnull=True), name="notice_unsent"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.connection_id}"
