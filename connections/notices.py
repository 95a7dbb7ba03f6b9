"""Sending notices: each to the owner and admins of the agency by e-mail, once."""

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone

from connections.models import Connection, Notice, Role, User

log = structlog.get_logger(__name__)

_MAX_ATTEMPTS = 10


def send_due(limit: int = 20) -> int:
    """Send what has not been sent. Answers how many were."""
    unsent = Notice.objects.filter(sent_at__isnull=True, attempts__lt=_MAX_ATTEMPTS)
    return sum(_send(notice) for notice in unsent.select_related("connection__workspace")[:limit])


def _send(notice: Notice) -> bool:
    """Claimed before it is sent: rather none than two if the process dies in between."""
    claimed = Notice.objects.filter(pk=notice.pk, sent_at__isnull=True, attempts=notice.attempts)
    if not claimed.update(sent_at=timezone.now(), attempts=notice.attempts + 1):
        return False
    try:
        _message(notice.connection).send()
    except Exception as error:  # noqa: BLE001 - whatever it is, the others' notices go out
        log.warning("notice_not_sent", notice=str(notice.pk), error=type(error).__name__)
        Notice.objects.filter(pk=notice.pk).update(sent_at=None)
        return False
    return True


def _message(connection: Connection) -> EmailMessage:
    """What the agency is told when a connection needs a person."""
    account = connection.workspace.account_id
    people = User.objects.filter(
        memberships__account=account, memberships__role__in=[Role.OWNER, Role.ADMIN], is_active=True
    )
    url = settings.PUBLIC_BASE_URL + reverse("connections:detail", args=[connection.pk])
    return EmailMessage(
        subject=" ".join(f"Reconnection needed: {connection.label}".split()),
        body=(
            f"The connection “{connection.label}” ({connection.workspace.name}) does not accept our access any "
            f"more.\nIts workflows wait until somebody reconnects it here:\n\n{url}\n"
        ),
        to=[person.email for person in people],
    )
