"""Email about notifications: what is due for a person is one message, whether at once or once an hour."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from connections.mail import outbox
from connections.mail.base import signed
from connections.models import Membership, Notification, NotificationReceipt
from core.db import clock

_AT_ONCE = 200
_MOST = 50
_LIFE = timedelta(days=3)


def owe_due() -> int:
    """Owe the messages that are due. Return how many."""
    now = clock.now()
    due = NotificationReceipt.objects.filter(email_due_at__lte=now).order_by()
    people = list(due.values_list("account", "user").distinct()[:_AT_ONCE])
    return sum(_owe(account_id, user_id, now) for account_id, user_id in people)


@transaction.atomic
def _owe(account_id: uuid.UUID, user_id: int, now: datetime) -> bool:
    """Owe one person one message. Writing the receipts first takes their locks: of two workers one owes it."""
    theirs = NotificationReceipt.objects.filter(account=account_id, user=user_id)
    found = theirs.filter(email_due_at__lte=now).update(email_due_at=None, emailed_at=now)
    members = Membership.objects.filter(account=account_id, user=user_id, user__is_active=True)
    member = members.select_related("user", "account").first()
    if not found or member is None:
        return False
    newest = theirs.filter(emailed_at=now).select_related("notification__workspace").order_by("-at", "-id")
    notifications = [receipt.notification for receipt in newest[:_MOST]]
    first = notifications[0].title
    outbox.owe(
        kind="notification",
        to=member.user.email,
        subject=first if found == 1 else f"{found} notifications: {first}",
        body=_body(member, notifications, found),
        life=_LIFE,
    )
    return True


def _body(member: Membership, notifications: list[Notification], found: int) -> str:
    parts = [_part(notification) for notification in notifications]
    if found > len(parts):
        parts.append(f"{found - len(parts)} more:\n{_here('connections:notifications')}")
    choices = _here("connections:notification_settings")
    why = f"You get this email as {member.role} of {member.account.name}. Manage notifications: {choices}"
    return signed("\n\n".join(parts), why)


def _part(notification: Notification) -> str:
    """The text of one notification: title, count, workspace, reason and link."""
    times = f" ({notification.count:,} times)" if notification.count > 1 else ""
    lines = [f"{notification.title}{times}"]
    if notification.workspace is not None:
        lines.append(f"Workspace: {notification.workspace.name}")
    if notification.reason:
        lines.append(f"Reason: {notification.reason}")
    return "\n".join([*lines, settings.PUBLIC_BASE_URL + notification.path])


def _here(route: str) -> str:
    return settings.PUBLIC_BASE_URL + reverse(route)
