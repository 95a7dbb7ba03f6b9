"""Services, users, teams, priorities, escalation policies, on-call users (api-schema)."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from pagerduty_app.sandbox.gate import Answer, Call, operation
from pagerduty_app.sandbox.refusals import not_found
from pagerduty_app.sandbox.rest.paging import page, window
from pagerduty_app.sandbox.world.maintenance_windows import services_in_maintenance
from pagerduty_app.sandbox.world.response.fields import INCIDENT_TYPES
from pagerduty_app.sandbox.world.start import reference_to


def matching(call: Call, kind: str) -> list[dict[str, Any]]:
    """Filter rows: `query` by name, for users also by email address; `team_ids[]` by team."""
    rows = _present(call, kind)
    query = call.request.GET.get("query", "").lower()
    if query:
        rows = [row for row in rows if query in f"{row['name']} {row.get('email', '')}".lower()]
    teams = set(call.request.GET.getlist("team_ids[]"))
    if teams:
        rows = [row for row in rows if teams & {team["id"] for team in row.get("teams", [])}]
    return rows


def _present(call: Call, kind: str) -> list[dict[str, Any]]:
    """Return the account's objects; a service in maintenance says so."""
    store = call.sandbox.store
    rows = store.all(kind, call.account)
    paused = services_in_maintenance(store, call.account) if kind == "service" else set()
    return [row | ({"status": "maintenance"} if row["id"] in paused else {}) for row in rows]


def _included(call: Call, kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a service with its whole escalation policy, if the request asks for it (api-schema, getService)."""
    if kind != "service" or "escalation_policies" not in call.request.GET.getlist("include[]"):
        return row
    return {**row, "escalation_policy": one_of(call, "escalation_policy", row["escalation_policy"]["id"])}


def listing(kind: str, plural: str, scope: str) -> Callable[..., HttpResponse]:
    @operation(get=scope)
    def view(call: Call) -> Answer:
        offset, limit = window(call.request.GET)
        rows = matching(call, kind)
        shown = [_included(call, kind, row) for row in rows[offset : offset + limit]]
        return 200, page(plural, shown, offset, limit, len(rows), call.request.GET)

    return view


def single(kind: str, scope: str) -> Callable[..., HttpResponse]:
    @operation(get=scope)
    def view(call: Call, some_id: str) -> Answer:
        return 200, {kind: _included(call, kind, one_of(call, kind, some_id))}

    return view


def one_of(call: Call, kind: str, some_id: str) -> dict[str, Any]:
    for row in _present(call, kind):
        if row["id"] == some_id:
            return row
    raise not_found(5002 if kind == "service" else 2100)


@operation(get="incident_types.read")
def incident_types(call: Call) -> Answer:
    """List all types at once; each account has the same (api-schema, listIncidentTypes)."""
    rows = [
        {
            "id": f"PTYPE0{number}",
            "type": "incident_type",
            "name": name,
            "display_name": name.replace("_", " ").capitalize(),
            "description": "",
            "enabled": True,
            "created_at": "2026-01-05T08:00:00Z",
            "updated_at": "2026-01-05T08:00:00Z",
        }
        for number, name in enumerate(INCIDENT_TYPES, 1)
    ]
    return 200, {"incident_types": rows}


@operation(get="")
def me(call: Call) -> Answer:
    return 200, {"user": call.user}


@operation(get="oncalls.read")
def oncalls(call: Call) -> Answer:
    offset, limit = window(call.request.GET)
    rows = [
        {
            "escalation_policy": reference_to(policy),
            "escalation_level": 1,
            "schedule": None,
            "user": policy["escalation_rules"][0]["targets"][0],
            "start": "2026-01-05T08:00:00Z",
            "end": "2036-01-05T08:00:00Z",
        }
        for policy in call.sandbox.store.all("escalation_policy", call.account)
    ]
    return 200, page("oncalls", rows[offset : offset + limit], offset, limit, len(rows), call.request.GET)
