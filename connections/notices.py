"""Sending notices: each by e-mail, once."""

from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone

from connections import consent_calendar, providers
from connections.models import Connection, Notice, Role, User
from connections.models.secret_links import SecretLink

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
    if not claimed.update(sent_at=timezone.now(), attempts=notice.attempts + 1):
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


def _reconnection_needed(notice: Notice) -> EmailMessage | None:
    """What the agency's owner and admins are told when a connection needs a person."""
    connection = notice.connection
    if connection is None or connection.status != Connection.Status.ERROR:
        return None  # reconnected or revoked meanwhile: nothing to do any more
    return EmailMessage(
        subject=_line(f"Reconnection needed: {connection.label}"),
        body=(
            f"The connection “{connection.label}” ({connection.workspace.name}) does not accept our access any "
            f"more.\nIts workflows wait until somebody reconnects it here:\n\n{_page(connection)}\n"
        ),
        to=_in_charge(connection),
    )


def _consent_ends(notice: Notice) -> EmailMessage | None:
    """What they are told ahead of the day on which the provider will want a new consent."""
    connection = notice.connection
    if connection is None or connection.status != Connection.Status.ACTIVE:
        return None
    ends = connection.grant.consent_ends_at
    if ends is None or not consent_calendar.is_about(notice, ends):
        return None
    provider, day = providers.get(connection.provider).name, f"{ends:%-d %B %Y}"
    return EmailMessage(
        subject=_line(f"Reconnect before {day}: {connection.label}"),
        body=(
            f"{provider} wants a new consent for “{connection.label}” ({connection.workspace.name}) after {day}, "
            f"however well it works until then.\nReconnect it before that day, or send the client a link, here:\n\n"
            f"{_page(connection)}\n\nIf nobody does, its workflows wait from that day on until somebody has.\n"
        ),
        to=_in_charge(connection),
    )


def _page(connection: Connection) -> str:
    return settings.PUBLIC_BASE_URL + reverse("connections:detail", args=[connection.pk])


def _in_charge(connection: Connection) -> list[str]:
    """Addresses of the agency's owner and admins."""
    people = User.objects.filter(
        memberships__account=connection.workspace.account_id,
        memberships__role__in=[Role.OWNER, Role.ADMIN],
        is_active=True,
    )
    return [person.email for person in people]


def _invitation(notice: Notice) -> EmailMessage | None:
    invitation = notice.invitation
    url = _url(invitation, notice)
    if invitation is None or url is None:
        return None
    agency = invitation.account.name
    return EmailMessage(
        subject=_line(f"{agency} invites you to TaskJuice"),
        body=(
            f"{invitation.created_by or agency} invites you to work with {agency} on TaskJuice, as "
            f"{invitation.role}.\n\nOpen this link to join; it is for you alone and works for seven days:\n\n{url}\n\n"
            "If you do not know what this is about, ignore this message.\n"
        ),
        to=[invitation.email],
    )


def _client_link(notice: Notice) -> EmailMessage | None:
    link = notice.client_link
    url = _url(link, notice)
    if link is None or url is None:
        return None
    agency = link.connection.workspace.account.name
    provider = providers.get(link.connection.provider).name
    return EmailMessage(
        subject=_line(f"{agency} asks you to connect {provider}"),
        body=(
            f"{agency} automates incident work for you and asks to connect your {provider} account.\n\nOpen this link "
            f"to see what is asked for, and to agree or not. You need no account with us; you sign in to {provider} "
            f"only. The link works once, for seven days:\n\n{url}\n\n"
            f"If you do not expect this from {agency}, do not open it; nothing is connected unless you agree.\n"
        ),
        to=[link.email],
        reply_to=[link.created_by.email] if link.created_by else [],
    )


def _asked_again(notice: Notice) -> EmailMessage | None:
    link = notice.client_link
    if link is None or not link.expired or link.created_by is None:
        return None  # another was sent, or it was taken back
    connection = link.connection
    return EmailMessage(
        subject=_line(f"A client asks for a new link: {connection.label}"),
        body=(
            f"The link you sent {link.email or 'for a client'} has expired, and somebody who opened it asks for a new "
            f"one.\nSend it again here:\n\n{_page(connection)}\n"
        ),
        to=[link.created_by.email],
    )


def _url(link: SecretLink | None, notice: Notice) -> str | None:
    """The link; None when it is over, or was sent again since this notice was written."""
    if link is None or not link.is_open or link.expired or link.digest != notice.occasion:
        return None
    url = link.url
    if url is None:
        log.error("link_unreadable", notice=str(notice.pk))
    return url


def _line(text: str) -> str:
    return " ".join(text.split())


_MESSAGES: dict[str, Callable[[Notice], EmailMessage | None]] = {
    "reconnection_needed": _reconnection_needed,
    consent_calendar.MONTH: _consent_ends,
    consent_calendar.WEEK: _consent_ends,
    "invitation": _invitation,
    "client_link": _client_link,
    "asked_again": _asked_again,
}
