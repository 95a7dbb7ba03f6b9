"""The schema and the names of the fields for a trigger that starts on several documented bodies."""

from collections.abc import Iterable

from pagerduty_app.payloads import fields
from pagerduty_app.payloads.bodies import Body, Json
from pagerduty_app.payloads.field_names import EVENT, Names


def any_of(bodies: Iterable[Body], *, closed: bool) -> tuple[Json, Names]:
    """The schema and the names for a trigger that starts on several bodies: what only some have can be null.

    closed: there are no fields beside those of these bodies.
    """
    chosen = list(bodies)
    names: Names = {**EVENT}
    schemas: Json = {"event": fields.EVENT}
    for field in dict.fromkeys(name for body in chosen for name in body.schemas):
        schemas[field] = _merged([body.schemas.get(field) for body in chosen])
    for body in chosen:
        names |= {path: name for path, name in body.names.items() if path not in names}
    return {
        "type": "object",
        "properties": schemas,
        "additionalProperties": not closed,
    }, _told_apart(names)


def _merged(versions: list[Json | None]) -> Json:
    given = [version for version in versions if version is not None]
    merged = given[0]
    if "properties" in merged:
        names = dict.fromkeys(name for version in given for name in version["properties"])
        properties = {name: _merged([version["properties"].get(name) for version in given]) for name in names}
        merged = {**merged, "properties": properties}
    may_be_null = len(given) < len(versions) or any(fields.or_null(version) == version for version in given)
    return fields.or_null(merged) if may_be_null else merged


def _told_apart(names: Names) -> Names:
    """The incident's own service and title keep their names; the same of other bodies get longer ones."""
    return {
        path: f"Event s{name[1:]}" if path.startswith("service.") and name.startswith("Service") else name
        for path, name in names.items()
    } | {path: "Incident summary" for path in ("incident.summary",) if path in names}
