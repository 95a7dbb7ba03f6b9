"""Alerts of incidents with the payload of the monitoring tool, and incidents that resemble one (api-schema)."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from pagerduty_app.sandbox.world.start import reference
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
_DETAILS = {"metric": "CPU load", "value": 97, "threshold": 90}
_PAST = timedelta(days=184)


def add(store: Store, base_url: str, incident: Json, **fields: Any) -> Json:
    """Add an alert to an incident. fields: summary, severity, alert_key, status, details (api-schema, Alert)."""
    some_id = f"P{secrets.token_hex(7).upper()}"
    service = incident["service"]
    alert: Json = {
        "id": some_id,
        "type": "alert",
        "summary": fields.get("summary", incident["title"]),
        "self": f"{base_url}/incidents/{incident['id']}/alerts/{some_id}",
        "html_url": f"{base_url}/app/alerts/{some_id}",
        "created_at": incident["created_at"],
        "status": fields.get("status", "triggered"),
        "alert_key": fields.get("alert_key", secrets.token_hex(16)),
        "service": service,
        "body": {
            "type": "alert_body",
            "contexts": [{"type": "link", "href": "https://monitoring.example/1", "text": "Graph"}],
            "details": fields.get("details", _DETAILS),
        },
        "incident": reference(base_url, "incident", incident["id"], incident["title"]),
        "suppressed": False,
        "severity": fields.get("severity", "critical"),
        "integration": {
            **reference(base_url, "integration", f"PINT{service['id']}", "Monitoring"),
            "type": "events_api_v2_inbound_integration_reference",
        },
    }
    store.put("alert", some_id, alert, incident["id"])
    return alert


def past(store: Store, account: str, incident: Json, limit: int) -> list[Json]:
    """Return earlier incidents of the service with the share of common words as score, the most similar first."""
    oldest = datetime.now(UTC) - _PAST
    rows = store.rows(
        "SELECT body FROM incidents WHERE account = ? AND service = ? AND id <> ? AND created_at BETWEEN ? AND ?",
        (
            account,
            incident["service"]["id"],
            incident["id"],
            oldest.strftime("%Y-%m-%dT%H:%M:%SZ"),
            incident["created_at"],
        ),
    )
    earlier = [json.loads(body) for (body,) in rows]
    scored: list[Json] = [
        {
            "incident": {name: one[name] for name in ("id", "created_at", "self", "title")},
            "score": _score(one["title"], incident["title"]),
        }
        for one in earlier
    ]
    return sorted(scored, key=lambda one: -one["score"])[:limit]


def _score(one: str, other: str) -> float:
    words, others = set(one.lower().split()), set(other.lower().split())
    return round(100 * len(words & others) / (len(words | others) or 1), 4)
