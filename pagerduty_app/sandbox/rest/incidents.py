"""/incidents and the paths below it (api-schema)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pagerduty_app.sandbox.gate import Answer, Call, operation
from pagerduty_app.sandbox.refusals import Refused, invalid
from pagerduty_app.sandbox.rest.incident_parts import included
from pagerduty_app.sandbox.rest.paging import page, window
from pagerduty_app.sandbox.world.incidents import STATUSES

_LONGEST_SPAN = timedelta(days=184)
_DEFAULT_SPAN = timedelta(days=30)
_COLUMNS = {"statuses[]": "status", "service_ids[]": "service", "urgencies[]": "urgency"}
_INSIDE = [("team_ids[]", "$.teams", "$.id"), ("user_ids[]", "$.assignments", "$.assignee.id")]
_ORDERS = {
    "": "created_at, seq",
    "created_at:asc": "created_at, seq",
    "created_at:desc": "created_at DESC, seq DESC",
    "incident_number:asc": "seq",
    "incident_number:desc": "seq DESC",
}


@operation(get="incidents.read", post="incidents.write")
def collection(call: Call) -> Answer:
    if call.request.method == "GET":
        return 200, _listed(call)
    wanted = call.object("incident")
    _check_new(wanted)
    return 201, {"incident": call.sandbox.incidents.open(call.account, call.requester(), wanted, by_api=True)}


def _check_new(wanted: dict[str, Any]) -> None:
    title = wanted.get("title")
    if wanted.get("type") != "incident":
        raise invalid("Incident type must be incident.")
    if not isinstance(title, str) or not title.strip():
        raise invalid("Title can't be blank.")
    if not isinstance(wanted.get("service"), dict):
        raise invalid("Service can't be blank.")
    if wanted.get("urgency", "high") not in ("high", "low"):
        raise invalid("Urgency must be high or low.")
    if not isinstance(wanted.get("incident_key", ""), str):
        raise invalid("Incident key must be a string.")


def _listed(call: Call) -> dict[str, Any]:
    query = call.request.GET
    offset, limit = window(query)
    where, values = ["account = ?"], [call.account]
    for name, column in _COLUMNS.items():
        wanted = query.getlist(name)
        if wanted:
            where.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            values += wanted
    for name, rows, path in _INSIDE:
        wanted = query.getlist(name)
        if wanted:
            places = ", ".join("?" * len(wanted))
            inside = (
                f"SELECT json_extract(value, '{path}') IN ({places}) AS hit FROM json_each(body, '{rows}')"  # noqa: S608
            )
            where.append(f"EXISTS (SELECT 1 FROM ({inside}) WHERE hit)")  # noqa: S608 - names are ours
            values += wanted
    if query.getlist("user_ids[]"):
        where.append("status <> 'resolved'")  # api-schema: resolved incidents are assigned to no one
    if query.get("incident_key"):
        where.append("incident_key = ?")
        values.append(query["incident_key"])
    if query.get("date_range") != "all":
        since, until = _span(query.get("since"), query.get("until"))
        where.append("created_at >= ? AND created_at < ?")
        values += [since, until]
    condition = " AND ".join(where)
    order = _ORDERS.get(query.get("sort_by", ""))
    if order is None:
        raise invalid("Unknown sort_by.")
    store = call.sandbox.store
    total = store.rows(f"SELECT COUNT(*) FROM incidents WHERE {condition}", values)[0][0]  # noqa: S608 - columns are ours
    found = store.rows(
        f"SELECT body FROM incidents WHERE {condition} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608
        [*values, limit, offset],
    )
    return page("incidents", [json.loads(body) for (body,) in found], offset, limit, total, query)


def _span(since: str | None, until: str | None) -> tuple[str, str]:
    """Return the window: without `until` the month from `since`, without `since` the last month.

    Source: api-schema, listIncidents; PagerDuty's staff.
    """
    now = datetime.now(UTC) + timedelta(seconds=1)
    start = _time(since) if since else (_time(until) if until else now) - _DEFAULT_SPAN
    end = _time(until) if until else start + _DEFAULT_SPAN
    if end - start > _LONGEST_SPAN:
        raise Refused(400, 2002, "Arguments Caused Error", "The time range is at most 6 months.")
    return _text(start), _text(end)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise invalid("since and until are ISO 8601 times.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@operation(get="incidents.read", put="incidents.write")
def one(call: Call, incident_id: str) -> Answer:
    incidents = call.sandbox.incidents
    if call.request.method == "GET":
        return 200, {"incident": included(call, incidents.get(call.account, incident_id))}
    wanted = call.object("incident")
    if wanted.get("type") not in ("incident", "incident_reference"):
        raise invalid("Incident type must be incident.")
    if "status" in wanted and wanted["status"] not in STATUSES:
        raise invalid("Status must be triggered, acknowledged or resolved.")
    if "title" in wanted and not (isinstance(wanted["title"], str) and wanted["title"].strip()):
        raise invalid("Title can't be blank.")
    if wanted.get("urgency", "high") not in ("high", "low"):
        raise invalid("Urgency must be high or low.")
    return 200, {"incident": incidents.change(call.account, call.requester(), incident_id, wanted)}


@operation(get="incidents.read", post="incidents.write")
def notes(call: Call, incident_id: str) -> Answer:
    incidents = call.sandbox.incidents
    if call.request.method == "GET":
        return 200, {"notes": incidents.notes(call.account, incident_id)}
    content = call.object("note").get("content")
    if not isinstance(content, str) or not content.strip():
        raise invalid("Content can't be blank.")
    return 200, {"note": incidents.annotate(call.account, call.requester(), incident_id, content)}


@operation(get="incidents.read")
def log_entries(call: Call, incident_id: str) -> Answer:
    query = call.request.GET
    offset, limit = window(query)
    rows = call.sandbox.incidents.log(call.account, incident_id)
    since, until = (_text(_time(query[name])) if query.get(name) else "" for name in ("since", "until"))
    rows = [row for row in rows if since <= row["created_at"] and (not until or row["created_at"] < until)]
    return 200, page("log_entries", rows[offset : offset + limit], offset, limit, len(rows), query)
