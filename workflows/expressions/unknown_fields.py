"""Fields that cannot exist: found in a definition before it runs, and named with a suggestion when a run misses one.

A route is a field's way as Liquid reads it: ("trigger", "incident", "teams", 0, "summary").
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from workflows import catalog
from workflows.catalog import Json

Route = Sequence[str | int]
# The properties that Liquid itself provides on lists and texts.
_OF_LISTS = frozenset({"size", "first", "last"})
_PLAIN = {
    "string": "a text",
    "integer": "a number",
    "number": "a number",
    "boolean": "true or false",
    "null": "always null",
}
# From this similarity on, an unknown name counts as a typing error, not as a field that is not documented yet.
_A_SLIP = 0.8
_LONGEST = 100
# Beside null, which is a value that a provider sends.
NOTHING = object()
NO_FIELD = "There is no field"


def dotted(route: Route) -> str:
    return ".".join(str(part) for part in route)[:_LONGEST]


def suggestion(name: Any, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known name that is nearest to `name`, "" when none is near."""
    if not isinstance(name, str) or len(name) > _LONGEST:
        return ""
    return next(iter(difflib.get_close_matches(name, list(known)[:500], n=1, cutoff=cutoff)), "")


def _no_field(route: Route, known: Iterable[str]) -> str:
    near = suggestion(route[-1], known)
    return f"{NO_FIELD} {dotted(route)}." + (f" Did you mean {near}?" if near else "")


def step_into(value: Any, name: str | int) -> Any:
    """The value under `name` in `value` (JSON), or NOTHING: the one rule for stepping into fields."""
    if isinstance(value, Mapping) and name in value:
        return value[name]
    if isinstance(value, list) and name in range(-len(value), len(value)):
        return value[int(name)]
    if isinstance(value, list) and value and name in ("first", "last"):
        return value[0 if name == "first" else -1]
    if name == "size" and isinstance(value, list | str | Mapping):
        return len(value)
    return NOTHING


def missing(route: Route, fields: Any) -> str | None:
    """The message if `fields` (JSON) has nothing, or null, at that route; None if it has a value."""
    value = fields
    for index, name in enumerate(route):
        inner = step_into(value, name)
        if inner is NOTHING:
            return _why_nothing(route[: index + 1], value)
        value = inner
    return f"{dotted(route)} is null." if value is None else None


def _why_nothing(route: Route, value: Any) -> str:
    """value: what the last part of the route was looked for in."""
    name, before = route[-1], dotted(route[:-1])
    if value is None:
        return f"{before} is null, so it has no {str(name)[:_LONGEST]}."
    if isinstance(value, list) and (isinstance(name, int) or name in ("first", "last")):
        count = "1 item" if len(value) == 1 else f"{len(value)} items"
        return f"{before} has only {count}." if value else f"{before} is empty."
    if len(route) == len(("steps", "key")) and route[0] == "steps":
        return f"Step {str(name)[:_LONGEST]} has no output: it was skipped, or it failed."
    return _no_field(route, value if isinstance(value, Mapping) else ())


def visible_to_step(trigger_key: str, earlier: Mapping[str, str]) -> Json:
    """The JSON Schema of what a step sees. earlier: step key → action key of the steps before it.

    Closed (additionalProperties false) where nothing else can be; elsewhere a provider may send more than is known.
    """
    return _closed({"trigger": of_trigger(trigger_key), "steps": _closed(_outputs(earlier))})


def _outputs(earlier: Mapping[str, str]) -> dict[str, Json]:
    found = {key: catalog.find_action(action) for key, action in earlier.items()}
    return {key: action.output_schema if action else {} for key, action in found.items()}


def _closed(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def of_trigger(trigger_key: str) -> Json:
    """The documentation of `trigger`: its schema, and what its documented sample has beyond that."""
    trigger = catalog.find_trigger(trigger_key)
    if trigger is None:
        return {}
    provider = trigger_key.partition("/")[0]
    sample = catalog.integration(provider).trigger_fields(trigger.sample)
    return _documented(trigger.output_schema, sample)


def _documented(schema: Json, sample: Any) -> Json:
    if not isinstance(sample, dict) or (schema and "properties" not in schema):
        return schema
    known = schema.get("properties", {})
    more = {name: _documented(known.get(name, {}), item) for name, item in sample.items()}
    return {**schema, "properties": {**known, **more}}


def problem_with(route: Route, schema: Json) -> str | None:
    """The reason why no value can be at that route under the JSON Schema; None unless that is certain."""
    for index, name in enumerate(route):
        here, properties = route[: index + 1], schema.get("properties")
        if _kind(schema) == "array":
            if not (isinstance(name, int) or name in ("first", "last")):
                return None if name == "size" or str(name).isdecimal() else _no_field(here, ("first", "last"))
            schema = schema.get("items", {})
        elif properties is None:
            kind = _PLAIN.get(_kind(schema))
            return (
                f"{dotted(route[:index])} is {kind} and has no fields."
                if kind and name not in _OF_LISTS
                else None
            )
        elif name in properties:
            schema = properties[name]
        elif schema.get("additionalProperties") is False or suggestion(name, properties, _A_SLIP):
            return None if name in _OF_LISTS else _said(here, properties)
        else:
            return None
    return None


def may_be_nothing(route: Route, schema: Json) -> Iterator[tuple[Route, str]]:
    """The parts of that route that are documented to be null, or an item of an empty list, with that in words."""
    for index, name in enumerate(route):
        if _can_be_null(schema):
            yield route[:index], f"{dotted(route[:index])} can be null"
        if _kind(schema) == "array":
            if name != "size":
                yield route[: index + 1], f"{dotted(route[:index])} can be empty"
            schema = schema.get("items", {})
        else:
            schema = schema.get("properties", {}).get(name, {})
    if _can_be_null(schema):
        yield route, f"{dotted(route)} can be null"


def _kind(schema: Json) -> str:
    """The schema's type, beside null."""
    kinds = schema.get("type")
    others = [kind for kind in kinds if kind != "null"] if isinstance(kinds, list) else [kinds]
    return str(others[0]) if others else "null"


def _can_be_null(schema: Json) -> bool:
    kinds = schema.get("type")
    return kinds == "null" or (isinstance(kinds, list) and "null" in kinds)


def _said(route: Route, known: Iterable[str]) -> str:
    near = suggestion(route[-1], known)
    did_you_mean = f" Did you mean {near}?" if near else ""
    if len(route) == 1:
        return f"A field begins with trigger or steps, not with {dotted(route)}.{did_you_mean}"
    if route[0] == "steps" and len(route) == len(("steps", "key")):
        return f"There is no earlier step {dotted(route[1:])}.{did_you_mean}"
    return _no_field(route, known)
