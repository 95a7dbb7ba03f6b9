"""One request, one effect: half of the responses are lost or a 502, and people act in between."""

import json
import threading
from collections import Counter
from typing import Any

from bench.edge import calls
from bench.edge.calls import DANA
from bench.edge.effects import schema
from bench.edge.effects.maintenance_windows import Windows
from bench.edge.effects.overrides import Overrides
from bench.edge.effects.responders import UNLISTED, Responses
from bench.figures import SHORT, Row, at_most, exactly
from bench.stack import Stack

CREATES, NOTES, UPDATES = (100, 50, 50) if SHORT else (1000, 500, 500)
_PATIENCE = 600.0 if SHORT else 3600.0
_EACH = 10  # a person resolves one incident in this many
_WANTED = ("acknowledged", "resolved")
_PATHS = "/(incidents|schedules|incident_workflows|maintenance_windows)"
_READS = "/(incidents|incident_workflows|maintenance_windows)"
# Optional permissions (pagerduty_app.oauth.scopes.OPTIONAL) that the writes need.
_PERMISSIONS = ("overrides", "maintenance_windows", "incident_workflow_starts")
_FAULTS = [
    {"kind": "lose_answer", "method": "POST|PUT", "probability": 0.25},
    {"kind": "status_after", "status": 502, "method": "POST|PUT", "probability": 1 / 6},
    {"kind": "status", "status": 502, "method": "POST|PUT", "probability": 0.2},
    {"kind": "status", "status": 502, "method": "GET", "probability": 0.1, "path": _READS},
    # One attempt of an override reads half a dozen times, and waits minutes once nine attempts have failed.
    {"kind": "status", "status": 502, "method": "GET", "probability": 0.02, "path": "/schedules"},
]


def measure(kind: str, port: int) -> list[Row]:
    with Stack(kind, port, workers=4) as stack:
        seed = stack.seed()
        stack.sandbox("POST", "settings", {"rate_limit": 1_000_000})
        incidents = _incidents(stack, NOTES + UPDATES)
        annotated, changed = incidents[:NOTES], incidents[NOTES:]
        responses = Responses(stack, lambda count: _incidents(stack, count))
        overrides, windows = Overrides(stack), Windows(stack)
        order = {"connection": seed["connection"], "optional": _PERMISSIONS}
        stack.python("-m", "bench.edge.inside", "permit", stdin=json.dumps(order))
        stack.sandbox("POST", "faults", {"rules": _rules()})
        people = _People(stack, changed)
        with people:
            calls.begin(stack, seed, "create-incident", map(_new, range(CREATES)))
            calls.begin(stack, seed, "create-incident-note", map(_note, annotated))
            calls.begin(stack, seed, "update-incident", (_change(row, n) for n, row in enumerate(changed)))
            responses.begin(seed)
            overrides.begin(seed)
            windows.begin(seed)
            calls.wait_until_ended(stack, _PATIENCE)
        struck = sum(rule["hits"] for rule in stack.sandbox("GET", "faults")["rules"])
        print(f"     {struck} faults struck; people resolved {len(people.resolved)} incidents")
        figures = _figures(stack, kind, annotated, changed, people)
        return [
            *figures,
            *responses.figures(kind),
            *overrides.figures(kind),
            *windows.figures(kind),
            *schema.unfit(stack, kind),
        ]


def _rules() -> list[dict[str, Any]]:
    """Return one rule for each method."""
    return [
        {"path": _PATHS} | rule | {"method": method, "seed": number}
        for number, rule in enumerate(_FAULTS)
        for method in str(rule["method"]).split("|")
    ]


def _incidents(stack: Stack, count: int) -> list[str]:
    body = {"count": count, "silent": True, "service_id": "PSVC01"}
    made: list[str] = stack.sandbox("POST", "incidents", body)["incidents"]
    return made


def _new(number: int) -> dict[str, Any]:
    return {"from": DANA, "service_id": "PSVC00", "title": f"Edge {number}"}


def _note(incident: str) -> dict[str, Any]:
    return {"from": DANA, "incident_id": incident, "content": "The same words on each"}


def _change(incident: str, number: int) -> dict[str, Any]:
    return {"from": DANA, "incident_id": incident, "status": _WANTED[number % 2]}


class _People(threading.Thread):
    """A person in PagerDuty who resolves one incident in ten as soon as it exists."""

    def __init__(self, stack: Stack, changed: list[str]) -> None:
        super().__init__(daemon=True)
        self._stack, self._over = stack, threading.Event()
        self.resolved: set[str] = set()
        self._left = list(changed[::_EACH])

    def run(self) -> None:
        new = (
            f"SELECT id FROM incidents WHERE seq % {_EACH} = 0 AND status <> 'resolved'"
            " AND incident_key LIKE 'taskjuice-%'"
        )
        while not self._over.wait(0.2):
            found = [some_id for (some_id,) in self._stack.theirs(new)]
            for some_id in found + self._left[:2]:
                self._resolve(some_id)
            self._left = self._left[2:]

    def _resolve(self, some_id: str) -> None:
        if self._stack.theirs(f"SELECT 1 FROM incidents WHERE id = '{some_id}' AND status <> 'resolved'"):
            self._stack.sandbox("POST", f"incidents/{some_id}/resolve", {})
        self.resolved.add(some_id)

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self.join(30)


def _figures(stack: Stack, kind: str, annotated: list[str], changed: list[str], people: _People) -> list[Row]:
    made = stack.theirs("SELECT id, incident_key FROM incidents WHERE incident_key LIKE 'taskjuice-%'")
    notes = Counter(account for (account,) in stack.theirs("SELECT account FROM docs WHERE kind = 'note'"))
    status = dict(stack.theirs("SELECT id, status FROM incidents"))
    wrong = sum(
        status[some_id] != ("resolved" if some_id in people.resolved else _WANTED[number % 2])
        for number, some_id in enumerate(changed)
    )
    return [
        exactly(f"{kind}: incidents of {CREATES} creates", CREATES, len(made)),
        exactly(f"{kind}: different incidents among them", CREATES, len({key for _, key in made})),
        exactly(f"{kind}: notes of {NOTES} note calls", NOTES, sum(notes[row] for row in annotated)),
        exactly(f"{kind}: incidents without their one note", 0, sum(notes[row] != 1 for row in annotated)),
        exactly(f"{kind}: wrong final states of {UPDATES} updates", 0, wrong),
        at_most(
            f"{kind}: calls that failed though no person had resolved the incident",
            0,
            calls.ended_badly(stack, but=("incident_already_resolved", *UNLISTED.values())),
            "calls",
        ),
    ]
