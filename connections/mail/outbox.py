"""The outbox: every email the product sends is a row first (Notice), and workers send what is owed.

A mail server that is away delays mail and nothing else: no request waits for it, and one attempt at a time finds out
whether it is back. A worker that dies between sending and writing that down sends the message once more, under the
same Message-ID.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q, QuerySet

from connections import retention_periods
from connections.mail import link_messages
from connections.mail.base import line
from connections.models import Notice
from core import backoff, passes, wakeup
from core.crypto import reveal, seal
from core.db import clock, lending, tenant_scope

log = structlog.get_logger(__name__)

_SEND = "connections.mail.outbox.send_due"
_AT_ONCE = 50
_BUDGET = 20.0
_TRIED_FOR = timedelta(days=3)
# Longer than a pass: what is claimed and not written down afterwards was with a worker that died.
_CLAIMED_FOR = timedelta(minutes=5)
_LONGEST_WAIT = 5 * 60.0
SERVER_AWAY = "The mail server does not answer."
REFUSED = "The mail server refuses the address."


def owe(*, kind: str, to: str, subject: str, body: str, life: timedelta, replaces: bool = False) -> None:
    """Owe a message with a text of its own. Call it in the transaction of what the message is about.

    life: how long it is of use; later it is not sent. replaces: an older one of this kind to that address that is
    still owed says nothing new, and is dropped.
    """
    now = clock.now()
    notice = Notice(kind=kind, to=to, subject=line(subject)[:200], expires_at=now + life)
    seal(notice, "body", body)
    # The row belongs to no tenant: no request can read it back.
    with tenant_scope.unscoped(), transaction.atomic():
        if replaces:
            older = Notice.objects.filter(status=Notice.Status.OWED, to=to, kind=kind)
            older.update(status=Notice.Status.DROPPED, body=None)
        notice.save(force_insert=True)
        wake_sender()


def wake_sender() -> None:
    """Wake a worker for what is owed. Inside a transaction the wake-up is sent only if that commits."""
    wakeup.send(_SEND)


@tenant_scope.unscoped()
def send_due() -> int:
    """Make a pass over what is owed and due. Return how many messages were sent, if it is made at once.

    Runs as a background task; it carries no arguments because the rows say what there is to do.
    """
    return _PASS.make()


def _send_due() -> int:
    now, end = clock.now(), time.monotonic() + _BUDGET
    owed = Notice.objects.filter(status=Notice.Status.OWED)
    if owed.filter(next_attempt_at__gt=now, error=SERVER_AWAY).exists():
        return 0  # what is owed since then waits for the attempt that is planned already
    due = owed.filter(next_attempt_at__lte=now).select_related(
        "invitation__account",
        "invitation__created_by",
        "client_link__connection__workspace__account",
        "client_link__created_by",
    )
    sent, server = 0, get_connection()
    try:
        for notice in due.order_by("next_attempt_at", "created_at")[:_AT_ONCE]:
            if time.monotonic() > end or passes.stopping():
                break
            try:
                sent += _send(notice, server)
            except _ServerAway:
                break
    finally:
        lending.give_back()
        server.close()
    return sent


_PASS = passes.Pass("mail", _send_due)


class _ServerAway(Exception):
    """Raised if the mail server cannot be reached: nothing can be sent now."""


def _send(notice: Notice, server: BaseEmailBackend) -> bool:
    """Send one message, if it is still this process's to send, and write down what came of it."""
    now = clock.now()
    mine = Notice.objects.filter(pk=notice.pk, status=Notice.Status.OWED, attempts=notice.attempts)
    if not mine.update(attempts=notice.attempts + 1, next_attempt_at=now + _CLAIMED_FOR):
        return False
    notice.attempts += 1
    if (notice.expires_at or notice.created_at + _TRIED_FOR) <= now:
        _end(notice, Notice.Status.FAILED, error=notice.error)
        return False
    try:
        message = _composed(notice)
        if message is None or not message.to:
            _end(notice, Notice.Status.DROPPED)
            return False
        _open(server, notice)
        message.connection = server
        lending.give_back()
        message.send()
    except _ServerAway:
        raise
    except Exception as error:  # noqa: BLE001 - the others go out all the same
        _failed(notice, error)
        lending.give_back()
        with suppress(Exception):
            server.close()  # it may have hung up; the next message is not to be blamed for that
        return False
    _end(notice, Notice.Status.SENT, sent_at=clock.now(), error="")
    return True


def _composed(notice: Notice) -> EmailMessage | None:
    """The message; None where there is nothing to say any more."""
    if notice.to:
        message: EmailMessage | None = EmailMessage(notice.subject, reveal(notice, "body"), to=[notice.to])
    else:
        message = _MESSAGES[notice.kind](notice)
    if message is not None:
        message.extra_headers |= {
            "Message-ID": f"<{notice.pk}@{urlsplit(settings.PUBLIC_BASE_URL).hostname}>",
            "Auto-Submitted": "auto-generated",
        }
    return message


def _open(server: BaseEmailBackend, notice: Notice) -> None:
    """Open the connection, unless it is. A server that cannot be reached or greeted takes no message at all, so that
    everything owed waits for one next attempt; what goes wrong later is about one message. Raises _ServerAway.
    """
    lending.give_back()
    try:
        server.open()
    except Exception as error:  # noqa: BLE001 - without a connection nothing can be sent
        again = _note_failure(notice, error)
        _wait_until(again, Notice.objects.filter(Q(pk=notice.pk) | Q(next_attempt_at__lte=clock.now())))
        raise _ServerAway from None


def _note_failure(notice: Notice, error: Exception) -> datetime:
    """Log the failure; return the time of the next attempt."""
    log.warning("mail_not_sent", notice=str(notice.pk), attempts=notice.attempts, error=type(error).__name__)
    return clock.now() + timedelta(seconds=min(backoff.delay(notice.attempts), _LONGEST_WAIT))


def _failed(notice: Notice, error: Exception) -> None:
    """Plan the next attempt, or give up where the address is refused."""
    again = _note_failure(notice, error)
    if isinstance(error, SMTPRecipientsRefused) and all(code >= 500 for code, _ in error.recipients.values()):
        _end(notice, Notice.Status.FAILED, error=REFUSED)
        return
    Notice.objects.filter(pk=notice.pk, attempts=notice.attempts).update(
        next_attempt_at=again, error=type(error).__name__[:60]
    )


def _wait_until(moment: datetime, notices: "QuerySet[Notice]") -> None:
    notices.filter(status=Notice.Status.OWED).update(next_attempt_at=moment, error=SERVER_AWAY)


def _end(notice: Notice, status: Notice.Status, **values: object) -> None:
    """Write down how it ended, and erase its text."""
    if status == Notice.Status.FAILED:
        log.error("mail_given_up", notice=str(notice.pk), kind=notice.kind, attempts=notice.attempts)
    Notice.objects.filter(pk=notice.pk).update(status=status, body=None, **values)


def prune() -> int:
    """Delete messages with a text of their own that ended a month ago. Return how many."""
    old = Notice.objects.exclude(status=Notice.Status.OWED).filter(
        created_at__lt=clock.now() - retention_periods.EMAILS
    )
    gone, _ = Notice.objects.filter(pk__in=old.exclude(to="").order_by("created_at")[:1000]).delete()
    return gone


_MESSAGES: dict[str, Callable[[Notice], EmailMessage | None]] = {
    "invitation": link_messages.invitation,
    "client_link": link_messages.client_link,
    "asked_again": link_messages.asked_again,
}
