"""The audit of what people do to triggers."""

from typing import Any

from connections import audit
from connections.tenancy.actor import Actor
from workflows.models import Trigger


def record(actor: Actor, trigger: Trigger, action: str, **detail: Any) -> None:
    """One audit event that names the trigger as it is called at the time."""
    audit.record(
        actor,
        action,
        connection=trigger.connection,
        target=str(trigger.pk),
        detail={"trigger": trigger.name, **detail},
    )
