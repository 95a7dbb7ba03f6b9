"""A change that no webhook delivered, as the delivery that PagerDuty would have sent (developer docs, webhooks v3)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pagerduty_app.payloads.incidents import as_delivered
from workflows.catalog import Json, MissedChange


@dataclass(frozen=True)
class FoundChange:
    """An undelivered change of an incident.

    kind: its event type. incident: as listed. status: right after the change. by: the agent as PagerDuty has it.
    """

    kind: str
    incident: Json
    at: datetime
    status: str
    by: Any = None

    def order(self) -> tuple[datetime, int, int]:
        """Return a sort key. PagerDuty shows whole seconds: the last acknowledgement and resolution come last."""
        number = self.incident.get("incident_number")
        rank = {"incident.triggered": 0, "incident.acknowledged": 2, "incident.resolved": 2}.get(self.kind, 1)
        return self.at, number if isinstance(number, int) else 0, rank

    def missed(self) -> MissedChange:
        """Return it with an ID that is the same each time."""
        external_id = f"recovered:{self.kind}:{self.incident['id']}:{text(self.at)}"
        data = as_delivered(self.incident, self.status)
        if self.kind == "incident.reopened":
            data["reopened_at"] = text(self.at)
        event = {
            "id": external_id,
            "event_type": self.kind,
            "resource_type": "incident",
            "occurred_at": text(self.at),
            "agent": self.by if isinstance(self.by, dict) else None,
            "client": None,
            "data": data,
        }
        return MissedChange(external_id, self.kind, self.at, json.dumps({"event": event}).encode())


def text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
