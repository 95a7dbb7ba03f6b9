"""A delivery as a person reads it: which incident, where, how urgent, who did it. Takes anything."""

from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from pagerduty_app.payloads.deliveries import PING, trigger_fields
from pagerduty_app.payloads.links import owns_link
from pagerduty_app.payloads.on_call_events import names_of
from workflows.catalog import Words

_LONGEST = 300


def in_words(payload: Any) -> Words:
    """What a delivery says, as far as it says it: PagerDuty adds event types and leaves fields out at any time."""
    fields = trigger_fields(payload)
    if "users_now" in fields:
        return _hand_over(fields)
    event, data = fields["event"], fields["incident"]
    if event["event_type"] == PING:
        return Words("PagerDuty’s test message", (("Message", _text(data.get("message"))),))
    named = data["incident"] if isinstance(data.get("incident"), dict) else {}
    facts = (
        ("Incident", _number(data)),
        ("Service", _name(data.get("service"))),
        ("Urgency", _text(data.get("urgency"))),
        ("Priority", _name(data.get("priority"))),
        ("Status", _text(data.get("status"))),
        ("Note", _text(fields.get("note", {}).get("content"))),
        ("Assigned to", _names(data.get("assignees"))),
        ("Actor", _name(event["agent"])),
    )
    return Words(
        subject=_text(data.get("title")) or _name(named) or _text(named.get("id")) or _name(data),
        facts=tuple((what, value) for what, value in facts if value),
        happened_at=_time(event["occurred_at"]),
        url=_link(named or data),
    )


def _hand_over(fields: dict[str, Any]) -> Words:
    schedule = fields["schedule"] if isinstance(fields["schedule"], dict) else {}
    name = _name(schedule) or _text(schedule.get("id"))
    now, until = names_of(fields["users_now"]), _time(fields["until"])
    facts = (
        ("Schedule", name),
        ("On call before", _text(names_of(fields["users_before"]))),
        ("On call now", _text(now)),
        ("Until", until.strftime("%-d %b %Y, %H:%M UTC") if until else "unknown"),
        ("Detected", "late (polling was unavailable)" if fields["recovered"] is True else ""),
    )
    return Words(
        subject=_text(f"{name}: {now}"),
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


def _time(value: Any) -> datetime | None:
    """An aware time that can be shown in any zone; None for anything else."""
    try:
        found = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
    usable = found is not None and found.tzinfo is not None and 1970 <= found.year < 9000
    return found if usable else None


def _link(thing: dict[str, Any]) -> str:
    """Only a page of PagerDuty itself: a delivery may name any address, `javascript:` too."""
    url = _text(thing.get("html_url"))
    return url if owns_link(url) else ""
