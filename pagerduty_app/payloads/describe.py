"""A delivery as a person reads it: which incident, where, how urgent, who did it. Takes anything."""

import json
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from pagerduty_app.payloads.bodies import body_of, incident_in, service_in
from pagerduty_app.payloads.deadline_events import deadline_of
from pagerduty_app.payloads.deliveries import PING, trigger_fields
from pagerduty_app.payloads.links import owns_link
from pagerduty_app.payloads.on_call.schema import is_one, names_of
from workflows.catalog import Words

Json = dict[str, Any]
_LONGEST = 300
_MINUTES = "%-d %b %Y, %H:%M UTC"


def in_words(payload: Any) -> Words:
    """Describe a delivery with the fields it has: PagerDuty adds event types and omits fields at any time."""
    fields = trigger_fields(payload)
    event, data = fields["event"], _object(payload, "event", "data")
    if is_one(data):
        return _of_schedule(fields)
    if event["event_type"] == PING:
        return Words("PagerDuty’s test message", (("Message", _text(data.get("message"))),))
    incident, service = incident_in(data), service_in(data)
    about = incident or (body_of(data) and service) or data
    deadline = deadline_of(_object(payload, "event")) or {}
    facts = (
        ("Incident", _number(incident or data)),
        ("Deadline", _minutes(deadline.get("minutes"))),
        ("Service", _name(service)),
        ("Urgency", _text(data.get("urgency"))),
        ("Priority", _name(data.get("priority"))),
        ("Status", _text(data.get("status"))),
        ("Note", _text(data.get("content"))),
        *_of_part(data),
        ("Assigned to", _names(data.get("assignees"))),
        ("Actor", _name(event["agent"])),
    )
    return Words(
        subject=_text(about.get("title")) or _name(about) or _text(incident.get("id") or service.get("id")),
        facts=tuple((what, value) for what, value in facts if value),
        happened_at=_time(event["occurred_at"]),
        url=_link(about),
    )


def _of_part(data: Json) -> list[tuple[str, str]]:
    """The facts about a part of an incident or a service: a role, a task, custom fields and the like."""
    roles = [
        f"{_name(one.get('role'))}: {_name(one.get('assignee')) or 'no one'}"
        for one in _objects(data.get("incident_role_assignments"))
    ]
    numbers = [_text(one.get("number")) for one in _objects(data.get("conference_numbers"))]
    changed = {one.get("id") for one in _objects(data.get("changed_custom_fields")) if _text(one.get("id"))}
    values = [
        f"{_text(one.get('name'))}: {_value(one.get('value'))}"
        for one in _objects(data.get("custom_fields"))
        if _text(one.get("id")) in changed
    ]
    return [
        ("Task", _text(data.get("name"))),
        ("Action", _name(data.get("action"))),
        ("Incident workflow", _name(data.get("incident_workflow"))),
        ("Responder", _name(data.get("user"))),
        ("Message", _text(data.get("message"))),
        ("State", _text(data.get("state"))),
        ("Roles", _text(", ".join(roles))),
        ("Changed fields", _text(", ".join(values))),
        ("Conference", _text(", ".join(filter(None, [*numbers, _text(data.get("conference_url"))])))),
    ]


def _object(value: Any, *names: str) -> Json:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Json]:
    """The first of a list's objects."""
    return [one for one in value[:10] if isinstance(one, dict)] if isinstance(value, list) else []


def _value(value: Any) -> str:
    """A custom field's value: text, a number, true or false, or a list of these; anything else is "…"."""
    said = [
        _text(one)
        if isinstance(one, str)
        else json.dumps(one)
        if isinstance(one, int | float | None)
        else "…"
        for one in (value[:10] if isinstance(value, list) else [value])
    ]
    return ", ".join(said)


def _of_schedule(fields: dict[str, Any]) -> Words:
    """Describe a hand-over, a gap ahead, or a shift about to start."""
    schedule = fields["schedule"] if isinstance(fields["schedule"], dict) else {}
    name = _name(schedule) or _text(schedule.get("id"))
    at, until = _time(fields["at"]), _time(fields["until"])
    who = fields.get("users_now", fields.get("users_starting"))
    facts = (
        ("Schedule", name),
        ("On call before", _text(names_of(fields["users_before"])) if "users_before" in fields else ""),
        ("On call now", _text(names_of(who)) if "users_now" in fields else ""),
        ("On call next", _text(names_of(who)) if "users_starting" in fields else ""),
        ("From", "" if "users_now" in fields or at is None else at.strftime(_MINUTES)),
        ("Until", until.strftime(_MINUTES) if until else "unknown"),
        ("Detected", "late (polling was unavailable)" if fields.get("recovered") is True else ""),
    )
    return Words(
        subject=_text(f"{name}: {names_of(who)}"),
        facts=tuple((what, value) for what, value in facts if value),
        happened_at=_time(fields["event"]["occurred_at"]),
        url=_link(schedule),
    )


def _text(value: Any) -> str:
    """A string on one printable line; anything else is nothing."""
    if not isinstance(value, str):
        return ""
    line = "".join(character if character.isprintable() else " " for character in value[:_LONGEST])
    return " ".join(line.split())


def _name(reference: Any) -> str:
    return _text(reference.get("summary")) if isinstance(reference, dict) else ""


def _names(references: Any) -> str:
    return ", ".join(filter(None, map(_name, references[:10]))) if isinstance(references, list) else ""


def _number(data: dict[str, Any]) -> str:
    number = data.get("number")
    return f"#{number}" if isinstance(number, int) and not isinstance(number, bool) else ""


def _minutes(value: Any) -> str:
    return f"{value:,} minutes" if isinstance(value, int) else ""


def _time(value: Any) -> datetime | None:
    """An aware time that can be shown in any zone; None for anything else."""
    try:
        found = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
    usable = found is not None and found.tzinfo is not None and 1970 <= found.year < 9000
    return found if usable else None


def _link(thing: dict[str, Any]) -> str:
    """Return the URL only if it is a page of PagerDuty itself: a delivery may name any address, `javascript:` too."""
    url = _text(thing.get("html_url"))
    return url if owns_link(url) else ""
