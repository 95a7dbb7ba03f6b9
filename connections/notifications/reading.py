"""A member's notifications, of the agencies that they belong to now."""

import uuid
from collections.abc import Iterable

from django.db.models import QuerySet

from connections.models import NotificationReceipt, User
from core.db import clock

Receipts = QuerySet[NotificationReceipt]
MOST_COUNTED = 99


def of_person(user: User, accounts: Iterable[uuid.UUID]) -> Receipts:
    """The notifications of a user, newest first."""
    mine = NotificationReceipt.objects.filter(user=user, account__in=list(accounts))
    return mine.select_related("notification__workspace__account").order_by("-at", "-id")


def unread(user: User, accounts: Iterable[uuid.UUID]) -> int:
    """The number of unread ones; MOST_COUNTED + 1 if there are more."""
    mine = NotificationReceipt.objects.filter(user=user, account__in=list(accounts), read_at__isnull=True)
    return mine.order_by()[: MOST_COUNTED + 1].count()


def mark_read(receipts: Receipts) -> int:
    """Mark notifications as read, so that they are not emailed. Return how many were unread."""
    return receipts.filter(read_at__isnull=True).order_by().update(read_at=clock.now(), email_due_at=None)
