"""Incidents of the sandbox with deadlines, and the time that passes."""

import json
from datetime import datetime, timedelta
from typing import Any

import time_machine

from connections.models import Connection
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SECRET, SYSTEM, signed_with
from workflows import worker
from workflows.inbox import store
from workflows.models import Deadline, Event, Trigger
from workflows.triggers import lifecycle

ACCOUNT = "PACME01"
MINUTE = timedelta(minutes=1)
NOT_ACKNOWLEDGED, NOT_RESOLVED = "incident-not-acknowledged", "incident-not-resolved"


def overdue(connection: Connection, what: str = NOT_ACKNOWLEDGED, **options: Any) -> Trigger:
    """A trigger with a deadline of ten minutes."""
    made = lifecycle.create(
        actor=SYSTEM,
        connection=connection,
        key=f"pagerduty/{what}",
        name="Overdue",
        options={"minutes": 10, **options},
    )
    signed_with(made, SECRET)
    return made


class Incident:
    """One incident; each change can be told to triggers, in time or late."""

    def __init__(self, sandbox: Sandbox, at: datetime, **wanted: Any) -> None:
        self._sandbox = sandbox
        with time_machine.travel(at, tick=False):
            body = {"type": "incident", "title": "It is slow", "service": {"id": "PSVC00"}, **wanted}
            self.id = str(sandbox.incidents.open(ACCOUNT, sandbox.person(ACCOUNT), body)["id"])

    def change(self, at: datetime, **wanted: Any) -> None:
        with time_machine.travel(at, tick=False):
            self._sandbox.incidents.change(ACCOUNT, self._sandbox.person(ACCOUNT), self.id, wanted)

    def tell(
        self,
        trigger: Trigger,
        what: str,
        at: datetime,
        *,
        arrives: datetime | None = None,
        recovered: datetime | None = None,
        **data: Any,
    ) -> store.Verdict:
        """Deliver the event `incident.<what>` of that time. recovered: since when it was looked for."""
        shown = self._sandbox.incidents.get(ACCOUNT, self.id)
        event = {
            "id": f"{what}-{self.id}-{at.isoformat()}",
            "event_type": f"incident.{what}",
            "resource_type": "incident",
            "occurred_at": at.isoformat(),
            "data": {
                name: shown.get(name) for name in ("id", "title", "urgency", "service", "teams", "priority")
            }
            | {"type": "incident"}
            | data,
        }
        told = store.Recovered(at, recovered) if recovered else None
        with time_machine.travel(arrives or at, tick=False):
            verdict = store.store(trigger, body=json.dumps({"event": event}).encode(), recovered=told)
            worker.drain()
        return verdict


def at(moment: datetime) -> None:
    """Let the workers do what is due then."""
    with time_machine.travel(moment, tick=False):
        worker.drain()


def passed(trigger: Trigger | None = None) -> list[dict[str, Any]]:
    """The events of passed deadlines, oldest first."""
    rows = Event.objects.filter(source=Event.DEADLINE).order_by("seq")
    return [row.payload["event"] for row in (rows.filter(trigger=trigger) if trigger else rows)]


def only() -> Deadline:
    return Deadline.objects.get()
