"""Display names of the fields of deliveries and responses: data beside the schemas of the same fields.

Each is {path: name}. In a path, 0 is the first item of a list and * any item.
"""

from collections.abc import Iterator

Names = dict[str, str]


def of_reference(path: str, what: str, summary: str = "") -> Names:
    """The fields of a reference to something else. summary: for its name, where "<what> name" sounds odd."""
    return {
        f"{path}.id": f"{what} ID",
        f"{path}.summary": summary or f"{what} name",
        f"{path}.html_url": f"{what} URL",
        f"{path}.self": f"{what} API URL",
        f"{path}.type": f"{what} object type",
    }


def items(path: str, what: str) -> Iterator[tuple[str, str]]:
    """The path of the first item of a list and of any, each with what that item is called."""
    yield f"{path}.0", f"First {what}"
    yield f"{path}.*", f"Any {what}"


def of_references(path: str, what: str) -> Names:
    """The fields of a list of references."""
    found: Names = {}
    for place, name in items(path, what):
        found |= of_reference(place, name, summary=name)
    return found


def of_items(path: str, what: str, parts: Names, references: Names | None = None) -> Names:
    """The fields of the first item of a list and of any. parts, references: path in the item → its name."""
    found: Names = {}
    for place, name in items(path, what):
        found |= {f"{place}.{part}": f"{name} {said}" for part, said in parts.items()}
        for part, said in (references or {}).items():
            found |= of_reference(f"{place}.{part}", f"{name} {said}")
    return found


def of_answered_incident(path: str, what: str = "Incident") -> Names:
    """The fields of an incident as actions return it."""
    service = "Service" if what == "Incident" else f"{what} service"
    return {
        f"{path}.id": f"{what} ID",
        f"{path}.incident_number": f"{what} number",
        f"{path}.title": f"{what} title",
        f"{path}.status": f"{what} status",
        f"{path}.urgency": f"{what} urgency",
        f"{path}.incident_key": f"{what} key",
        f"{path}.created_at": f"{what} created at",
        f"{path}.html_url": f"{what} URL",
        **of_reference(f"{path}.service", service),
    }


EVENT: Names = {
    "event.id": "Event ID",
    "event.event_type": "Event type",
    "event.resource_type": "Resource type",
    "event.occurred_at": "Event time",
    "event.agent": "Actor",
    **of_reference("event.agent", "Actor"),
    "event.client": "Monitoring tool",
    "event.client.name": "Monitoring tool name",
    "event.client.url": "Monitoring tool URL",
}
OF_ANSWERED_NOTE: Names = {
    "note.id": "Note ID",
    "note.content": "Note content",
    "note.created_at": "Note created at",
}
OF_UPDATE: Names = {
    **of_answered_incident("incident"),
    "changed": "Changed",
    "reason": "Reason",
    "applied.0": "First applied change",
    "applied.*": "Any applied change",
    "reopened": "Reopened",
}
LISTING: Names = {
    "offset": "Offset",
    "limit": "Limit",
    "more": "More available",
    "total": "Total",
    "complete": "Complete",
    "incomplete_reason": "Incomplete reason",
    "since": "From",
    "until": "To",
    "date_range": "Date range",
}


def of_listing(path: str, what: str) -> Names:
    """The fields of a list of services, schedules, teams or users as actions return it."""
    return LISTING | of_named(path, what)


def of_named(path: str, what: str) -> Names:
    """The fields of a list of things with a name."""
    found: Names = {}
    for place, name in items(path, what):
        found |= {
            f"{place}.id": f"{name} ID",
            f"{place}.name": f"{name} name",
            f"{place}.email": f"{name} email",
            f"{place}.status": f"{name} status",
        }
    return found


def of_incidents(path: str) -> Names:
    """The fields of a list of incidents as actions return it."""
    found = dict(LISTING)
    for place, name in items(path, "incident"):
        found |= of_answered_incident(place, name)
    return found


_ON_CALL_TARGETS: Names = {
    **of_reference("schedule", "Schedule"),
    **of_reference("service", "Service"),
    **of_reference("escalation_policy", "Escalation policy"),
}


def _on_call_next(path: str, what: str) -> Names:
    """The fields of who is on call next. path, what: "" and "" or those of a level, with a separator."""
    return {
        **of_named(f"{path}next.users", f"{what}next user on call"),
        f"{path}next.at": f"{what}next shift start".capitalize(),
        f"{path}next.until": f"{what}next shift end".capitalize(),
    }


ON_CALL_NOW: Names = {
    **of_named("users", "user on call"),
    **_on_call_next("", ""),
    **_ON_CALL_TARGETS,
    "at": "Time",
    "until": "On call until",
    **{
        key: value
        for place, name in items("levels", "level")
        for key, value in {
            f"{place}.level": f"{name} number",
            f"{place}.until": f"{name} on call until",
            **of_named(f"{place}.users", f"{name.lower()} user on call"),
            **_on_call_next(f"{place}.", f"{name.lower()} "),
        }.items()
    },
}
ON_CALL_GAPS: Names = {
    **_ON_CALL_TARGETS,
    "covered": "Always someone on call",
    "since": "From",
    "until": "To",
    **{
        f"{place}.{name}": f"{what} {name}"
        for place, what in items("gaps", "gap")
        for name in ("start", "end", "hours")
    },
}
OF_ON_CALL_GAP: Names = {
    **EVENT,
    **of_reference("schedule", "Schedule"),
    "at": "Gap start",
    "until": "Gap end",
}
OF_ON_CALL_START: Names = {
    **EVENT,
    **of_reference("schedule", "Schedule"),
    **of_references("users_starting", "user starting"),
    **{f"{place}.email": f"{name} email" for place, name in items("users_starting", "user starting")},
    "at": "Shift start",
    "until": "Shift end",
}
OF_ON_CALL_CHANGE: Names = {
    **EVENT,
    **of_reference("schedule", "Schedule"),
    **of_references("users_before", "user on call before"),
    **of_references("users_now", "user on call now"),
    **{
        f"{place}.email": f"{name} email"
        for path, what in (("users_before", "user on call before"), ("users_now", "user on call now"))
        for place, name in items(path, what)
    },
    "at": "Handover time",
    "until": "On call until",
    "recovered": "Found late",
}
