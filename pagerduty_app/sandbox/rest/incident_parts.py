"""The parts of an incident: alerts, past incidents, and the values of include[] of GET /incidents/{id} (api-schema)."""

from typing import Any

from pagerduty_app.sandbox.gate import Answer, Call, operation
from pagerduty_app.sandbox.refusals import invalid
from pagerduty_app.sandbox.rest.paging import page, window
from pagerduty_app.sandbox.world import alerts as world
from pagerduty_app.sandbox.world.response import custom_fields
from pagerduty_app.sandbox.world.response.fields import bridge_of

Json = dict[str, Any]
# include[] of GET /incidents/{id} (api-schema, include_incident).
_INCLUDES = frozenset(
    {
        "acknowledgers",
        "agents",
        "assignees",
        "conference_bridge",
        "custom_fields",
        "escalation_policies",
        "first_trigger_log_entries",
        "priorities",
        "services",
        "teams",
        "users",
    }
)
_MOST_PAST = 999


@operation(get="incidents.read")
def alerts(call: Call, incident_id: str) -> Answer:
    call.sandbox.incidents.get(call.account, incident_id)
    query = call.request.GET
    offset, limit = window(query)
    rows = call.sandbox.store.all("alert", incident_id)
    if statuses := query.getlist("statuses[]"):
        rows = [row for row in rows if row["status"] in statuses]
    if key := query.get("alert_key"):
        rows = [row for row in rows if row["alert_key"] == key]
    return 200, page("alerts", rows[offset : offset + limit], offset, limit, len(rows), query)


@operation(get="incidents.read")
def past_incidents(call: Call, incident_id: str) -> Answer:
    """Return similar incidents; not paged, `limit` is the number of them (api-schema, getPastIncidents)."""
    incident, query = call.sandbox.incidents.get(call.account, incident_id), call.request.GET
    text = query.get("limit", "5")
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PAST:
        raise invalid(f"limit must be between 1 and {_MOST_PAST}.")
    rows = world.past(call.sandbox.store, call.account, incident, int(text))
    total = {"total": len(rows)} if query.get("total") == "true" else {}
    return 200, {"past_incidents": rows, "limit": int(text), **total}


def included(call: Call, incident: Json) -> Json:
    """Return the incident with what include[] asks for."""
    wanted = set(call.request.GET.getlist("include[]"))
    if not wanted <= _INCLUDES:
        raise invalid("include[] has an unknown value.")
    store, more = call.sandbox.store, Json()
    if "custom_fields" in wanted:
        more["custom_fields"] = custom_fields.values(store, incident["id"])
    if "conference_bridge" in wanted:
        more["conference_bridge"] = bridge_of(store, incident["id"]) or {}
    first = incident.get("first_trigger_log_entry")
    if first and "first_trigger_log_entries" in wanted:
        more["first_trigger_log_entry"] = store.get("log_entry", first["id"])
    return {**incident, **more}
