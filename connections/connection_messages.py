"""Messages to an agency's owner and admins about a connection; None where there is nothing to say any more."""

from django.core.mail import EmailMessage

from connections import consent_calendar, providers
from connections.messages import in_charge, line, page
from connections.models import Connection, Notice


def reconnection_needed(notice: Notice) -> EmailMessage | None:
    """What the agency's owner and admins are told when a connection needs a person."""
    connection = notice.connection
    if connection is None or connection.status != Connection.Status.ERROR:
        return None  # reconnected or revoked meanwhile: nothing to do any more
    return EmailMessage(
        subject=line(f"Reconnection needed: {connection.label}"),
        body=(
            f"The connection “{connection.label}” ({connection.workspace.name}) does not accept our access any "
            f"more.\n{_reason(connection)}Its workflows wait until it is reconnected here:\n\n{page(connection)}\n"
        ),
        to=in_charge(connection),
    )


def _reason(connection: Connection) -> str:
    """The provider's own reason, on a line of its own; "" where none is known."""
    reason = " ".join(connection.status_reason.split())
    return f"\nReason given: {reason}\n\n" if reason else ""


def consent_ends(notice: Notice) -> EmailMessage | None:
    """What they are told ahead of the day on which the provider will want a new consent."""
    connection = notice.connection
    if connection is None or connection.status != Connection.Status.ACTIVE:
        return None
    ends = connection.grant.consent_ends_at
    if ends is None or not consent_calendar.is_about(notice, ends):
        return None
    provider, day = providers.get(connection.provider).name, f"{ends:%-d %B %Y}"
    return EmailMessage(
        subject=line(f"Reconnect before {day}: {connection.label}"),
        body=(
            f"{provider} wants a new consent for “{connection.label}” ({connection.workspace.name}) after {day}, "
            f"however well it works until then.\nReconnect it before that day, or send the client a link, here:\n\n"
            f"{page(connection)}\n\nIf nobody does, its workflows wait from that day on until somebody has.\n"
        ),
        to=in_charge(connection),
    )


def own_app_refused(notice: Notice) -> EmailMessage | None:
    """What they are told when a client's own app is not accepted: nobody but them can enter what is right now."""
    connection = notice.connection
    if connection is None or connection.status != Connection.Status.ACTIVE or not connection.grant.failures:
        return None
    provider = providers.get(connection.provider).name
    return EmailMessage(
        subject=line(f"{provider} refuses the app of {connection.workspace.name}"),
        body=(
            f"{provider} does not accept the client’s own app, through which “{connection.label}” "
            f"({connection.workspace.name}) was connected. It may have been deleted there, or has a new secret.\n"
            f"Enter its secret anew, or reconnect through another app, here:\n\n{page(connection)}\n\n"
            f"Until then it is tried again by itself; the workflows stop when the present access has run out.\n"
        ),
        to=in_charge(connection),
    )
