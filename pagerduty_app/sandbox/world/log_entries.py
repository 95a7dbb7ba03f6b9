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


def entry(base_url: str, incident: Json, kind: str, user: Json, at: str, **more: Any) -> Json:
    """Return a new entry. more: fields that only some kinds have."""
    some_id = f"R{secrets.token_hex(7).upper()}"
    return {
        "id": some_id,
        "type": kind,
        "summary": f"{kind.removesuffix('_log_entry').replace('_', ' ').capitalize()} through the API",
        "self": f"{base_url}/log_entries/{some_id}",
        "html_url": f"{incident['html_url']}/log_entries/{some_id}",
        "created_at": at,
        "agent": reference_to(user),
        "service": incident["service"],
        "incident": reference(base_url, "incident", incident["id"], incident["title"]),
        "teams": incident["teams"],
        "contexts": [],
        **more,
    }
