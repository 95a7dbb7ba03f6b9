"""One effect of each action of responders: many calls, with the faults of the proof."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from bench.edge import calls
from bench.edge.calls import DANA
from bench.figures import SHORT, Row, exactly
from bench.stack import Stack

EACH = 50 if SHORT else 500
# PagerDuty lists neither what was published nor what was started: action → the code of a request without a response.
UNLISTED = {
    "publish-status-update": "status_update_unconfirmed",
    "start-incident-workflow": "incident_workflow_unconfirmed",
}
_FIELDS: list[dict[str, Any]] = [
    {"priority": "P2"},
    {"escalation_level": 2},
    {"assignee_ids": ["PUSER02"]},
    {"escalation_policy_id": "PPOL02"},
    {"service_id": "PSVC03", "incident_type": "major_incident"},
    {"conference_url": "https://meet.example/1"},
]
_INPUTS: dict[str, Callable[[int, str], dict[str, Any]]] = {
    "update-incident": lambda number, other: _FIELDS[number % len(_FIELDS)],
    "snooze-incident": lambda number, other: {"duration_minutes": 60},
    "merge-incidents": lambda number, other: {"source_incident_ids": [other]},
    "add-responders": lambda number, other: {
        "user_ids": ["PUSER01"],
        "escalation_policy_ids": ["PPOL01"],
        "message": "Help",
    },
    "publish-status-update": lambda number, other: {"message": f"Update {number}"},
    "start-incident-workflow": lambda number, other: {"incident_workflow_id": "PFLOW01"},
    "set-custom-fields": lambda number, other: {
        "custom_fields": {"environment": "production", "affected_users": number, "regions": "eu, us"}
    },
}


class Responses:
    """The calls of every action, each on an incident of its own. incidents: returns that many new ones."""

    def __init__(self, stack: Stack, incidents: Callable[[int], list[str]]) -> None:
        self._stack = stack
        self._of = {action: incidents(EACH) for action in _INPUTS}
        self._sources = incidents(EACH)

    def begin(self, seed: dict[str, Any]) -> None:
        for action, made in self._of.items():
            inputs = (
                {"from": DANA, "incident_id": some_id, **_INPUTS[action](number, self._sources[number])}
                for number, some_id in enumerate(made)
            )
            calls.begin(self._stack, seed, action, inputs)

    def figures(self, kind: str) -> list[Row]:
        effects, state = self._effects(), self._states()
        rows = [
            exactly(f"{kind}: {action} of {EACH} with another number of effects than one", 0, wrong)
            for action, wrong in self._wrong(effects).items()
        ]
        ended = sum(not state[action](*row) for action, made in self._of.items() for row in enumerate(made))
        rows.append(exactly(f"{kind}: wrong final states of these {EACH * len(_INPUTS)}", 0, ended))
        for action, code in UNLISTED.items():
            rows += self._of_unlisted(kind, action, code, effects[action])
        return rows

    def _wrong(self, effects: dict[str, Counter[str]]) -> dict[str, int]:
        counted = {action: made for action, made in self._of.items() if action not in UNLISTED}
        counted["merge-incidents"] = self._sources
        counted["update-incident"] = [  # the log shows escalations and assignments, not who set a value
            some_id
            for number, some_id in enumerate(self._of["update-incident"])
            if number % len(_FIELDS) in (1, 2)
        ]
        return {
            action: sum(effects[action][some_id] != 1 for some_id in made) for action, made in counted.items()
        }

    def _effects(self) -> dict[str, Counter[str]]:
        """Return how often each write took effect on each incident."""
        log: dict[str, Counter[str]] = {}
        entries = "SELECT json_extract(body, '$.type'), account FROM docs WHERE kind = 'log_entry'"
        for kind, some_id in self._stack.theirs(entries):
            log.setdefault(kind, Counter())[some_id] += 1
        asked = "SELECT id, json_array_length(body, '$.responder_requests') FROM incidents"
        told = "SELECT kind, account FROM docs WHERE kind IN ('status_update', 'incident_workflow_instance')"
        none: Counter[str] = Counter()
        for kind, some_id in self._stack.theirs(told):
            log.setdefault(kind, Counter())[some_id] += 1
        return {
            "update-incident": log.get("escalate_log_entry", none) + log.get("assign_log_entry", none),
            "snooze-incident": log.get("snooze_log_entry", none),
            "merge-incidents": log.get("resolve_log_entry", none),
            "add-responders": Counter({some_id: count or 0 for some_id, count in self._stack.theirs(asked)}),
            "publish-status-update": log.get("status_update", none),
            "start-incident-workflow": log.get("incident_workflow_instance", none),
            "set-custom-fields": log.get("custom_field_value_change_log_entry", none),
        }

    def _states(self) -> dict[str, Callable[[int, str], bool]]:
        """Return for each action whether the incident of a call is as it should be."""
        whole = {
            some_id: json.loads(body)
            for some_id, body in self._stack.theirs("SELECT id, body FROM incidents")
        }
        values: dict[str, dict[str, Any]] = {}
        for some_id, body in self._stack.theirs("SELECT account, body FROM docs WHERE kind = 'field_value'"):
            field = json.loads(body)
            values.setdefault(some_id, {})[field["name"]] = field["value"]
        bridges = {
            some_id
            for (some_id,) in self._stack.theirs("SELECT id FROM docs WHERE kind = 'conference_bridge'")
        }

        def merged(number: int, target: str) -> bool:
            reason = whole[self._sources[number]].get("resolve_reason") or {"incident": {}}
            return bool(reason["incident"].get("id") == target and whole[target]["status"] == "triggered")

        def filled(number: int, some_id: str) -> bool:
            wanted = {"environment": "production", "affected_users": number, "regions": ["eu", "us"]}
            return values.get(some_id) == wanted

        return {
            "update-incident": lambda number, some_id: _is_changed(number, whole[some_id], bridges),
            "snooze-incident": lambda number, some_id: whole[some_id]["status"] == "acknowledged",
            "merge-incidents": merged,
            "add-responders": lambda number, some_id: (
                len(whole[some_id].get("incidents_responders", [])) == 2
            ),
            **dict.fromkeys(UNLISTED, lambda number, some_id: whole[some_id]["status"] == "triggered"),
            "set-custom-fields": filled,
        }

    def _of_unlisted(self, kind: str, action: str, code: str, made: Counter[str]) -> list[Row]:
        """One without a response is not repeated, and says so."""
        sent = f"WHERE action = 'pagerduty/{action}'"
        calls_made = self._stack.rows(f"SELECT status, error, input FROM workflows_actioncall {sent}")
        ended = {_loaded(data)["incident_id"]: (status, str(error)) for status, error, data in calls_made}
        twice = sum(made[some_id] > 1 for some_id in ended)
        silent = sum(
            made[some_id] != 1 if status == "completed" else code not in error
            for some_id, (status, error) in ended.items()
        )
        unsure = sum(status != "completed" for status, _ in ended.values())
        print(f"     {unsure} of {EACH} calls of {action} ended as unconfirmed")
        return [
            exactly(f"{kind}: {action} of {EACH} with more than one effect", 0, twice),
            exactly(f"{kind}: {action} whose request says something else than what happened", 0, silent),
        ]


def _is_changed(number: int, incident: dict[str, Any], bridges: set[str]) -> bool:
    assignees = [row["assignee"]["id"] for row in incident["assignments"]]
    is_so: list[bool] = [
        (incident.get("priority") or {}).get("name") == "P2",
        assignees == ["PUSER01"],
        assignees == ["PUSER02"],
        incident["escalation_policy"]["id"] == "PPOL02",
        (incident["service"]["id"], incident["incident_type"]["name"]) == ("PSVC03", "major_incident"),
        incident["id"] in bridges,
    ]
    return is_so[number % len(_FIELDS)]


def _loaded(data: Any) -> Any:
    return json.loads(data) if isinstance(data, str) else data
