"""Sending notices: each by e-mail, once."""

from collections.abc import Callable

import structlog
from django.core.mail import EmailMessage

from connections import clock, connection_messages, consent_calendar, link_messages
from connections.models import Notice

log = structlog.get_logger(__name__)

_MAX_ATTEMPTS = 10


def send_due(limit: int = 20) -> int:
    """Send what has not been sent. Answers how many were."""
    unsent = Notice.objects.filter(sent_at__isnull=True, attempts__lt=_MAX_ATTEMPTS).select_related(
        "connection__workspace__account",
        "connection__grant",
        "invitation__account",
        "invitation__created_by",
        "client_link__connection__workspace__account",
        "client_link__created_by",
    )
    return sum(_send(notice) for notice in unsent.order_by("attempts", "created_at")[:limit])


def _send(notice: Notice) -> bool:
    """Claimed before it is sent: rather none than two if the process dies in between."""
    claimed = Notice.objects.filter(pk=notice.pk, sent_at__isnull=True, attempts=notice.attempts)
    if not claimed.update(sent_at=clock.now(), attempts=notice.attempts + 1):
        return False
    message = _MESSAGES[notice.kind](notice)
    if message is None:
        return False
    try:
        message.send()
    except Exception as error:  # noqa: BLE001 - whatever it is, the others' notices go out
        log.warning("notice_not_sent", notice=str(notice.pk), error=type(error).__name__)
        Notice.objects.filter(pk=notice.pk).update(sent_at=None)
        return False
    return True


_MESSAGES: dict[str, Callable[[Notice], EmailMessage | None]] = {
    "reconnection_needed": connection_messages.reconnection_needed,
    consent_calendar.MONTH: connection_messages.consent_ends,
    consent_calendar.WEEK: connection_messages.consent_ends,
    "own_app_refused": connection_messages.own_app_refused,
    "invitation": link_messages.invitation,
    "client_link": link_messages.client_link,
    "asked_again": link_messages.asked_again,
}
