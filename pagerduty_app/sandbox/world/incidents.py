"""Open, change and annotate incidents, and announce the webhook event of each change."""

import json
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from pagerduty_app.sandbox.refusals import Refused, invalid, not_found
from pagerduty_app.sandbox.world import incident_bodies, log_entries
from pagerduty_app.sandbox.world.response import fields
from pagerduty_app.sandbox.world.start import reference, reference_to
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
Announce = Callable[[str, str, Json, Json, Json | None], object]
STATUSES = ("triggered", "acknowledged", "resolved")
# (from, to) → event type (developer docs, webhooks v3, event types).
_TRANSITIONS = {
    ("triggered", "acknowledged"): "incident.acknowledged",
    ("triggered", "resolved"): "incident.resolved",
    ("acknowledged", "resolved"): "incident.resolved",
    ("acknowledged", "triggered"): "incident.unacknowledged",
    ("resolved", "triggered"): "incident.reopened",
    ("resolved", "acknowledged"): "incident.reopened",
}
# PagerDuty cuts longer titles silently.
_LONGEST_TITLE = 1024


def now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Incidents:
    """The incidents of all accounts. announce(account, event_type, data, incident, agent) sends an event."""

    def __init__(self, store: Store, base_url: str, announce: Announce) -> None:
        self._store = store
        self._base_url = base_url
        self._announce = announce

    def transaction(self) -> AbstractContextManager[None]:
        return self._store.transaction()

    def get(self, account: str, incident_id: str) -> Json:
        found = self._store.rows(
            "SELECT body FROM incidents WHERE id = ? AND account = ?", (incident_id, account)
        )
        if not found:
            raise not_found(5001, "Incident Not Found")
        incident: Json = json.loads(found[0][0])
        return incident

    def open(self, account: str, user: Json, wanted: Json, *, by_api: bool = False) -> Json:
        """Open an incident. wanted: the incident object of POST /incidents, already validated.

        by_api: such an incident cannot be merged into another one (api-schema, mergeIncidents).
        """
        service = self._store.get("service", str(wanted["service"].get("id")))
        if service is None or not self._belongs("service", service["id"], account):
            raise Refused(400, 2001, "Invalid Input Provided", "Service not found.")
        key = wanted.get("incident_key") or secrets.token_hex(16)
        with self._store.transaction():
            if self._store.rows(
                "SELECT 1 FROM incidents WHERE account = ? AND incident_key = ? AND service = ?"
                " AND status <> 'resolved'",
                (account, key, service["id"]),
            ):
                raise invalid("Open incident with matching dedup key already exists on this service")
            incident = self._new(
                account, user, service, {**wanted, "incident_key": key}, is_mergeable=not by_api
            )
            incident["first_trigger_log_entry"] = self.note_down(incident, "trigger_log_entry", user)
            self.save(incident)
            self._notify(incident)
        self.tell("incident.triggered", account, incident, user)
        return incident

    def insert(self, account: str, service_id: str, **more: Any) -> Json:
        """Insert an incident without an event, for tests. more: fields that override the defaults."""
        service = self._store.get("service", service_id)
        if service is None:
            raise not_found(5002, "Service Not Found")
        user = self._store.all("user", account)[0]
        return self._new(account, user, service, {"title": "An incident", **more}, **more)

    def change(self, account: str, user: Json, incident_id: str, wanted: Json) -> Json:
        """Change an incident. wanted: the incident object of PUT /incidents/{id}.

        A resolved incident that gets another status is reopened (api-schema, updateIncident).
        """
        events = []
        with self._store.transaction():
            incident = self.get(account, incident_id)
            status = str(wanted.get("status") or incident["status"])
            if wanted.get("status") == incident["status"] == "acknowledged":
                raise Refused(400, 1002, "Incident Already Acknowledged")
            if status != incident["status"]:
                event = _TRANSITIONS[incident["status"], status]
                events.append(event)
                self.set_status(incident, status, user)
                self.note_down(incident, log_entries.KINDS.get(event, log_entries.OF_STATUS[status]), user)
            elif "status" in wanted and status == "resolved":
                raise Refused(400, 1001, "Incident Already Resolved")
            incident |= {name: wanted[name] for name in ("title", "urgency") if name in wanted}
            made = fields.change(fields.Place(self._store, account, now_text()), incident, wanted)
            for change in made:
                if change.kind:
                    self.note_down(incident, change.kind, user, **change.more)
            events += [change.event_type for change in made]
            if "title" in wanted:
                incident["title"] = incident["title"][:_LONGEST_TITLE]
                incident["summary"] = f"[#{incident['incident_number']}] {incident['title']}"
            incident["updated_at"] = now_text()
            self.save(incident)
        for event_type in events:
            self.tell(event_type, account, incident, user)
        return incident

    def resolve_into(self, account: str, user: Json, incident: Json, target: Json) -> bool:
        """Resolve an incident that was merged into another one. Return whether it was open."""
        was_open = bool(incident["status"] != "resolved")
        if was_open:
            self.set_status(incident, "resolved", user)
            self.note_down(incident, log_entries.OF_STATUS["resolved"], user)
        incident["resolve_reason"] = {"type": "merge_resolve_reason", "incident": reference_to(target)}
        self.save(incident)
        return was_open

    def annotate(self, account: str, user: Json, incident_id: str, content: str) -> Json:
        """Add a note and return it (api-schema, IncidentNote)."""
        incident = self.get(account, incident_id)
        if self._store.count("note", incident_id) >= 2000:
            raise invalid("An incident has at most 2000 notes.")
        note: Json = {
            "id": f"P{secrets.token_hex(6).upper()}",
            "content": content,
            "created_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "user": reference_to(user),
            "channel": {"summary": "The PagerDuty website or APIs"},
        }
        self._store.put("note", note["id"], note, incident_id)
        part = {"id": note["id"], "content": content, "trimmed": False, "type": "incident_note"}
        self.tell_part("incident.annotated", account, incident, user, part)
        return note

    def notes(self, account: str, incident_id: str) -> list[Json]:
        self.get(account, incident_id)
        return self._store.all("note", incident_id)

    def log(self, account: str, incident_id: str) -> list[Json]:
        """Return the log entries, newest first (api-schema, LogEntry)."""
        self.get(account, incident_id)
        return self._store.all("log_entry", incident_id)[::-1]

    def delete(self, account: str, incident_id: str) -> None:
        self.get(account, incident_id)
        self._store.run("DELETE FROM incidents WHERE id = ?", (incident_id,))

    # --- rows ----------------------------------------------------------------------------------------
    def _belongs(self, kind: str, some_id: str, account: str) -> bool:
        return any(row["id"] == some_id for row in self._store.all(kind, account))

    def _new(self, account: str, user: Json, service: Json, wanted: Json, **more: Any) -> Json:
        some_id = f"Q{secrets.token_hex(7).upper()}"
        made_at = now_text()
        seq = self._store.run(
            "INSERT INTO incidents (id, account, service, status, urgency, incident_key, created_at, body)"
            " VALUES (?, ?, ?, 'triggered', 'high', '', ?, '{}')",
            (some_id, account, service["id"], made_at),
        )
        incident = {
            **reference(self._base_url, "incident", some_id, f"[#{seq}] {wanted['title']}"),
            "type": "incident",
            "incident_number": seq,
            "title": wanted["title"][:_LONGEST_TITLE],
            "created_at": made_at,
            "updated_at": made_at,
            "last_status_change_at": made_at,
            "status": "triggered",
            "incident_key": wanted.get("incident_key") or secrets.token_hex(16),
            "service": reference_to(service),
            "escalation_policy": wanted.get("escalation_policy") or service["escalation_policy"],
            "teams": service["teams"],
            "urgency": wanted.get("urgency", "high"),
            "incident_type": {"name": "incident_default"},
            "is_mergeable": True,
            "assignments": [{"at": made_at, "assignee": reference_to(user)}],
            "assigned_via": "escalation_policy",
            "acknowledgements": [],
            "last_status_change_by": reference_to(user),
        }
        if isinstance(wanted.get("body"), dict):
            incident["body"] = wanted["body"]
        if isinstance(wanted.get("priority"), dict):
            incident["priority"] = {**(self._store.get("priority", wanted["priority"].get("id", "")) or {})}
        incident |= {name: value for name, value in more.items() if name in incident}
        self.save(incident)
        return incident

    def set_status(self, incident: Json, status: str, user: Json) -> None:
        at = now_text()
        if incident["status"] == "resolved":
            incident["reopened_at"] = at
            incident["assignments"] = [{"at": at, "assignee": self._assignee(incident, status, user)}]
        incident |= {
            "status": status,
            "last_status_change_at": at,
            "last_status_change_by": reference_to(user),
        }
        acknowledged = {"at": at, "acknowledger": reference_to(user)}
        incident["acknowledgements"] = [acknowledged] if status == "acknowledged" else []
        for name in ("resolved_at", "resolve_reason", "pending_actions"):
            incident.pop(name, None)
        if status == "resolved":
            incident |= {"resolved_at": at, "assignments": []}

    def _assignee(self, incident: Json, status: str, user: Json) -> Json:
        """Return the assignee of a reopened incident: who acknowledged it, else the first of its escalation policy."""
        if status == "acknowledged":
            return reference_to(user)
        policy = self._store.get("escalation_policy", incident["escalation_policy"]["id"])
        target: Json = policy["escalation_rules"][0]["targets"][0] if policy else reference_to(user)
        return target

    def note_down(self, incident: Json, kind: str, user: Json, **more: Any) -> Json:
        """Add an entry to the incident's log; return the reference to it. more: fields of entries of that kind."""
        entry = log_entries.entry(self._base_url, incident, kind, user, now_text(), **more)
        self._store.put("log_entry", entry["id"], entry, incident["id"])
        return reference_to(entry)

    def _notify(self, incident: Json) -> None:
        """Log that the assigned users were notified."""
        for assignment in incident["assignments"]:
            if user := self._store.get("user", assignment["assignee"]["id"]):
                entry = log_entries.notified(self._base_url, incident, user, incident["created_at"])
                self._store.put("log_entry", entry["id"], entry, incident["id"])

    def save(self, incident: Json) -> None:
        self._store.run(
            "UPDATE incidents SET status = ?, urgency = ?, incident_key = ?, created_at = ?, body = ? WHERE id = ?",
            (
                incident["status"],
                incident["urgency"],
                incident["incident_key"],
                incident["created_at"],
                json.dumps(incident),
                incident["id"],
            ),
        )

    def tell(self, event_type: str, account: str, incident: Json, user: Json) -> None:
        bridge = fields.bridge_of(self._store, incident["id"])
        if event_type == "incident.conference_bridge.updated":
            data = incident_bodies.conference_bridge(self._base_url, incident, bridge or {})
        else:
            data = incident_bodies.whole(incident, bridge)
        self._announce(account, event_type, data, incident, user)

    def tell_part(self, event_type: str, account: str, incident: Json, user: Json, part: Json) -> None:
        """Announce an event about a part of the incident, such as a note."""
        self._announce(
            account, event_type, incident_bodies.part(self._base_url, incident, part), incident, user
        )
