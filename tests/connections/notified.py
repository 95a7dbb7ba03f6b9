"""What housekeeping does for notifications, by itself."""

from typing import Any

from django.core import mail

from connections.mail import outbox
from connections.notifications import digest, distribution


def tell() -> list[Any]:
    """Notify people of what has happened; the messages that go out now."""
    mail.outbox.clear()
    distribution.distribute()
    digest.owe_due()
    outbox.send_due()
    return list(mail.outbox)
