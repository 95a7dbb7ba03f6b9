"""Messages that carry a secret link, or are about one; None where it is over."""

import structlog
from django.core.mail import EmailMessage

from connections.grants import registry
from connections.mail.base import line, page, signed
from connections.models import Notice
from connections.models.secret_links import SecretLink

log = structlog.get_logger(__name__)


def invitation(notice: Notice) -> EmailMessage | None:
    invitation = notice.invitation
    url = _url(invitation, notice)
    if invitation is None or url is None:
        return None
    agency = invitation.account.name
    return EmailMessage(
        subject=line(f"{agency} invites you to TaskJuice"),
        body=signed(
            f"{invitation.created_by or agency} invites you to work with {agency} on TaskJuice, as "
            f"{invitation.role}.\n\nOpen this link to join. It is for you only and expires in seven "
            f"days:\n\n{url}\n\nIf you were not expecting this, ignore this email.",
            f"You get this email because {agency} entered your address.",
        ),
        to=[invitation.email],
    )


def client_link(notice: Notice) -> EmailMessage | None:
    link = notice.client_link
    url = _url(link, notice)
    if link is None or url is None:
        return None
    agency = link.connection.workspace.account.name
    provider = registry.get(link.connection.provider).name
    return EmailMessage(
        subject=line(f"{agency} invites you to connect {provider}"),
        body=signed(
            f"{agency} automates incident response for you and wants to connect to your {provider} "
            "account.\n\nOpen this link to review the requested permissions and approve or decline. You sign "
            f"in to {provider} only and need no TaskJuice account. The link is valid once, for seven "
            f"days:\n\n{url}\n\nIf you were not expecting this from {agency}, ignore this email: nothing is "
            "connected until you approve.",
            f"You get this email because {agency} entered your address.",
        ),
        to=[link.email],
        reply_to=[link.created_by.email] if link.created_by else [],
    )


def asked_again(notice: Notice) -> EmailMessage | None:
    link = notice.client_link
    if link is None or not link.expired or link.created_by is None:
        return None  # another was sent, or it was taken back
    connection = link.connection
    return EmailMessage(
        subject=line(f"New invitation link requested: {connection.label}"),
        body=signed(
            f"The link you sent to {link.email or 'a client'} has expired. Someone opened it and requested a "
            f"new one.\nResend it here:\n\n{page(connection)}",
            "You get this email because you created the link.",
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
