"""Notifications: what happened, grouped for people, and what each person has read of it and was emailed."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from connections.models.people import Account, User, Workspace
from core.db import clock


class NotificationFact(models.Model):
    """One thing that happened, written in the transaction that makes it so, and gone once people have been notified.

    group: facts of one group within a window are one notification. data: what the kind needs to word it.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=40)
    group = models.CharField(max_length=120)
    data: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.group}"


class Notification(models.Model):
    """A fact that happened `count` times within the window that began at `window`, in the words of the last time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, null=True, related_name="+", help_text="None: the whole agency"
    )
    kind = models.CharField(max_length=40)
    group = models.CharField(max_length=120)
    window = models.DateTimeField()
    title = models.CharField(max_length=200)
    reason = models.CharField(max_length=600, blank=True)
    path = models.CharField(max_length=300, help_text="The page to go to")
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "group", "window"], name="notification_once_a_window"
            )
        ]

    def __str__(self) -> str:
        return self.title


class NotificationReceipt(models.Model):
    """One person's copy. at: when it last happened. email_due_at: when an email about it is to be owed, if one is."""

    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="receipts", db_index=False
    )
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    email_due_at = models.DateTimeField(null=True, blank=True)
    emailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notification", "user"], name="notification_receipt_once")
        ]
        indexes = [
            models.Index(fields=["account"], name="receipt_by_account"),
            models.Index(fields=["user", "-at", "-id"], name="receipt_by_person"),
            models.Index(fields=["user"], condition=Q(read_at__isnull=True), name="receipt_unread"),
            models.Index(
                fields=["email_due_at"], condition=Q(email_due_at__isnull=False), name="receipt_email_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notification_id} for {self.user_id}"


class NotificationPreference(models.Model):
    """A person's email setting for one kind in one agency, if it differs from their role's default."""

    class Email(models.TextChoices):
        AT_ONCE = "at_once", "At once"
        HOURLY = "hourly", "Hourly summary"
        OFF = "off", "Off"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    email = models.CharField(max_length=10, choices=Email.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user", "kind"], name="notification_preference_once"),
            models.CheckConstraint(
                condition=Q(email__in=["at_once", "hourly", "off"]), name="notification_email_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.kind} {self.email}"
