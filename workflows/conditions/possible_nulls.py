"""Warn of inputs that fail at times: they use what is documented to be null, or an empty list, without a default.

Not refused, because an author may know that it never is. What a condition has asked for is there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from workflows import expressions
from workflows.catalog import Json
from workflows.conditions.comparisons.operators import NEGATIVE
from workflows.expressions import unknown_fields


def of_definition(trigger_key: str, definition: Json) -> dict[str, dict[str, str]]:
    """Step key → name of the input → what to tell its author."""
    found: dict[str, dict[str, str]] = {}
    earlier: dict[str, str] = {}
    for step in definition["steps"]:
        asked = [definition.get("conditions"), step.get("only_if")]
        if said := of_step(trigger_key, step, earlier, asked):
            found[step["key"]] = said
        earlier[step["key"]] = step["action"]
    return found


def of_step(
    trigger_key: str, step: Mapping[str, Any], earlier: Mapping[str, str], asked: list[Json | None]
) -> dict[str, str]:
    """earlier: step key → action of the steps before it. asked: the conditions under which it happens."""
    schema = unknown_fields.visible_to_step(trigger_key, earlier)
    there = [path for conditions in asked for path in _there(conditions or {})]
    found = {name: next(_warnings(value, schema, there), "") for name, value in step["input"].items()}
    return {name: said for name, said in found.items() if said}


def _there(conditions: Json) -> Iterator[str]:
    """The paths that have a value where those conditions hold."""
    rows = conditions.get("rows") or []
    if conditions.get("match") == "any" and len(rows) > 1:
        return
    for path, operator, value in rows:
        if operator not in NEGATIVE and not (operator == "exists" and value is False):
            yield path


def _warnings(value: Any, schema: Json, there: list[str]) -> Iterator[str]:
    for text in expressions.texts_in(value):
        try:
            routes = expressions.bare_routes(text)
        except expressions.ExpressionError:
            continue
        for part, said in (
            found for route in routes for found in unknown_fields.may_be_nothing(route, schema)
        ):
            if not any(_asks_for(path, part) for path in there):
                yield f"{said}, and then this step fails. Set a default: | default: '…'."


def _asks_for(path: str, part: unknown_fields.Route) -> bool:
    """Return whether the condition's path is that part or leads through it."""
    wanted, known = _first_as_0(unknown_fields.dotted(part)), _first_as_0(path)
    return known[: len(wanted)] == wanted


def _first_as_0(path: str) -> list[str]:
    return ["0" if name in ("first", "*") else name for name in path.split(".")]
