"""What happens while a webhook delivers nothing."""

from typing import Any

from connections.models import NotificationFact
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.support.sandbox_webhooks import (
    disable,
    open_incident,
    theirs,
)
from workflows.models import Trigger

Json = dict[str, Any]


def unseen(sandbox: Sandbox, kept: Trigger, title: str = "Nobody was told") -> Json:
    """An incident that happened while the webhook was disabled."""
    (subscription,) = theirs(sandbox, kept)
    disable(sandbox, subscription)
    return open_incident(sandbox, title)


def notified() -> list[str]:
    """The titles of what people are to be notified of, one a time that it happened."""
    return [str(fact.data["title"]) for fact in NotificationFact.objects.order_by("pk")]
