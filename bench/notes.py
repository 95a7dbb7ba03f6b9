"""The measured workflow: one step, which writes a note on the event's incident."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from bench.stack import Stack
from pagerduty_app import signatures

# A workflow begins at most 600 runs a minute (workflows.runs.safety_limit), so that many have to share the work.
_RUNS_OF_ONE = 500
_PER_MINUTE = 1_000_000


@dataclass(frozen=True)
class Listener:
    """A trigger with its published workflow."""

    id: str
    url: str
    secret: str

    def sign(self, body: bytes) -> dict[str, str]:
        """Return the headers of a delivery."""
        return {
            "X-PagerDuty-Signature": signatures.sign(body, self.secret),
            "Content-Type": "application/json",
        }


def prepare(stack: Stack, events: int) -> list[tuple[Listener, str]]:
    """Return the destination of each event and the id of its incident, which the sandbox has."""
    seed = stack.seed()
    listeners = [listener(stack, seed, number) for number in range(-(-events // _RUNS_OF_ONE))]
    lift_rate_limit(stack)
    incidents = stack.sandbox("POST", "incidents", {"count": events, "silent": True})["incidents"]
    return [(listeners[number % len(listeners)], incident) for number, incident in enumerate(incidents)]


def lift_rate_limit(stack: Stack) -> None:
    """Lift the sandbox's rate limit; a restarted sandbox has it again."""
    stack.sandbox("POST", "settings", {"rate_limit": _PER_MINUTE})


def listener(stack: Stack, seed: dict[str, Any], number: int) -> Listener:
    key, name, secret = seed["api_key"], f"Bench {number}", secrets.token_urlsafe(24)
    wanted = {"key": "pagerduty/incident-triggered", "connection": seed["connection"], "name": name}
    trigger = stack.api(key, "triggers/", wanted)
    stack.api(key, f"triggers/{trigger['id']}/secrets/", {"secret": secret})
    step = {
        "key": "note",
        "connection": seed["connection"],
        "action": "pagerduty/create-incident-note",
        "input": {
            "from": "dana@acme.example",
            "incident_id": "{{ trigger.incident.id }}",
            "content": "Seen: {{ trigger.incident.title }}",
        },
    }
    workflow = {"name": name, "trigger": trigger["id"], "steps": [step], "max_runs_per_minute": 600}
    stack.api(key, "workflows/", workflow | {"publish": True})
    return Listener(trigger["id"], trigger["url"], secret)


def body_of(incident: str) -> bytes:
    """Return PagerDuty's payload for a triggered incident."""
    data = {"id": incident, "type": "incident", "title": "Payments are slow", "urgency": "high"}
    event = {"id": f"E-{incident}", "event_type": "incident.triggered", "data": data}
    return json.dumps({"event": event}).encode()


def received(stack: Stack, since: float = 0.0) -> dict[str, float]:
    """Return incident → wall-clock seconds of the first note request that the sandbox got. since: of that clock."""
    return {incident: at for at, incident in reversed(requests(stack, since))}


def requests(stack: Stack, since: float) -> list[tuple[float, str]]:
    """Return time and incident of each note request that the sandbox got since, oldest first."""
    rows = stack.sandbox("GET", f"requests?since={since}")["requests"]
    notes = [row for row in rows if row["method"] == "POST" and row["path"].endswith("/notes")]
    return [(row["at"], row["path"].split("/")[2]) for row in notes]
