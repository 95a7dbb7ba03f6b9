"""Entries of an incident's log (api-schema, LogEntry)."""

import secrets
from typing import Any

from pagerduty_app.sandbox.world.start import reference, reference_to

Json = dict[str, Any]
OF_STATUS = {
    "acknowledged": "acknowledge_log_entry",
    "resolved": "resolve_log_entry",
    "triggered": "trigger_log_entry",
}
KINDS = {"incident.unacknowledged": "unacknowledge_log_entry"}
_SUMMARIES = {
    "acknowledge_log_entry": "Acknowledged",
    "resolve_log_entry": "Resolved",
    "trigger_log_entry": "Triggered through the API",
    "unacknowledge_log_entry": "Unacknowledged",
    "notify_log_entry": "Notified by email",
}
_API: Json = {"type": "api"}


def entry(base_url: str, incident: Json, kind: str, agent: Json, at: str, **more: Any) -> Json:
    """Return a new entry. more: fields that only some kinds have."""
    some_id = f"R{secrets.token_hex(7).upper()}"
    return {
        "id": some_id,
        "type": kind,
        "summary": _SUMMARIES.get(kind, kind.removesuffix("_log_entry").replace("_", " ").capitalize()),
        "self": f"{base_url}/log_entries/{some_id}",
        "html_url": f"{incident['html_url']}/log_entries/{some_id}",
        "created_at": at,
        "agent": reference_to(agent),
        "service": incident["service"],
        "incident": reference(base_url, "incident", incident["id"], incident["title"]),
        "teams": incident["teams"],
        "contexts": [],
        "channel": _API,
        **more,
    }


def notified(base_url: str, incident: Json, user: Json, at: str) -> Json:
    """Return the entry for a notification: who was notified, how and when (api-schema, NotifyLogEntry)."""
    person = reference_to(user)
    sent = {"type": "email_notification", "address": user["email"], "status": "success", "started_at": at}
    channel = {"type": "auto", "notification": {**sent, "user": person}}
    kind = "notify_log_entry"
    service = incident["service"]
    return entry(base_url, incident, kind, service, at, user=person, channel=channel)
