"""What housekeeping does for notifications, by itself."""

from typing import Any

from django.core import mail

from connections.mail import digest, notification_emails, outbox


def tell() -> list[Any]:
    """Notify people of what has happened; the messages that go out now."""
    mail.outbox.clear()
    notification_emails.distribute()
    digest.owe_due()
    outbox.send_due()
    return list(mail.outbox)
