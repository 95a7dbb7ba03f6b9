"""What a person's pages show of notifications, of the agencies they belong to now."""

import uuid
from collections.abc import Iterable

from django.db.models import QuerySet

from connections.models import NotificationReceipt, User
from core.db import clock

Receipts = QuerySet[NotificationReceipt]
MOST_COUNTED = 99


def of_person(user: User, accounts: Iterable[uuid.UUID]) -> Receipts:
    """Their notifications, the one that happened last first."""
    mine = NotificationReceipt.objects.filter(user=user, account__in=list(accounts))
    return mine.select_related("notification__workspace__account").order_by("-at", "-id")


def unread(user: User, accounts: Iterable[uuid.UUID]) -> int:
    """How many of them are unread; one more than MOST_COUNTED where there are more."""
    mine = NotificationReceipt.objects.filter(user=user, account__in=list(accounts), read_at__isnull=True)
    return mine.order_by()[: MOST_COUNTED + 1].count()


def mark_read(receipts: Receipts) -> int:
    """What a person has read is not emailed to them any more. Return how many were unread."""
    return receipts.filter(read_at__isnull=True).order_by().update(read_at=clock.now(), email_due_at=None)
