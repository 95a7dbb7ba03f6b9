"""A row that is refused because it can never hold does not hold for any delivery as it is documented."""

from typing import Any

import pytest

from pagerduty_app.triggers.types import TRIGGERS
from workflows.conditions import evaluate
from workflows.conditions.comparisons.operators import NEGATIVE
from workflows.conditions.possible import why_never
from workflows.expressions import unknown_fields

VALUES = [
    *(
        "high",
        "Platform",
        "PTEAM1",
        "5",
        "5.0",
        "true",
        "2026-11-02T09:30:00Z",
        "2026-11-02",
        "",
        "*",
        "22:00",
    ),
    *("09:00-17:00", "Mon 00:00-24:00 Europe/Berlin", 5, 2.5, True, False, ["x", "5"], ["low", "P1"], [True]),
]
POSITIVE = [name for name in evaluate.OPERATORS if name not in (*NEGATIVE, "exists")]
PLAIN: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False],
    "integer": [5, 42],
    "number": [5.0, 2.5],
    "string": ["high", "Platform", "5", "", "true", "2026-11-02T09:30:00Z"],
    "object": [{"id": "PTEAM1", "summary": "Platform"}],
}


def kinds(schema: dict[str, Any]) -> list[str]:
    stated = schema.get("type", "object" if "properties" in schema else [])
    return [stated] if isinstance(stated, str) else stated


def paths_in(schema: dict[str, Any], path: str) -> list[str]:
    found = [path] if "." in path else []
    for name, inner in schema.get("properties", {}).items():
        found += paths_in(inner, f"{path}.{name}")
    for place in ("*", "0", "first") if "items" in schema else ():
        found += paths_in(schema["items"], f"{path}.{place}")
    return [*found, *([f"{path}.size"] if {"array", "string"} & set(kinds(schema)) else [])]


def values(schema: dict[str, Any], names: list[str]) -> list[Any]:
    """Values as that JSON Schema has them, so that each that can be at the path `names` is in one of them."""
    if "array" in kinds(schema):
        if names[:1] == ["size"] or not names:
            items = values(schema["items"], [])
            return [[], items[:1], items]
        return [[], *([inner] for inner in values(schema["items"], names[1:]))]
    if "properties" in schema and names:
        return [{}, *({names[0]: inner} for inner in values(schema["properties"][names[0]], names[1:]))]
    if "properties" in schema:
        known = {name: values(inner, []) for name, inner in schema["properties"].items()}
        longest = max(map(len, known.values()))
        return [{name: some[at % len(some)] for name, some in known.items()} for at in range(longest)]
    times = (
        ["2026-11-02T09:30:00Z", "2026-06-01T00:00:00+02:00"] if schema.get("format") == "date-time" else []
    )
    plain = [value for kind in kinds(schema) or PLAIN for value in PLAIN[kind]]
    return list(schema.get("enum", times or plain))


# Triggers of incidents differ in few fields: `make test` takes one of each kind.
_BEFORE_EVERY_COMMIT = {"pagerduty/incident-triggered", "pagerduty/on-call-changed"}


@pytest.mark.parametrize(
    "key",
    [key if key in _BEFORE_EVERY_COMMIT else pytest.param(key, marks=pytest.mark.slow) for key in TRIGGERS],
)
def test_what_is_refused_holds_for_nothing_documented(key: str) -> None:
    schema = unknown_fields.visible_to_step(key, {})
    tried = 0
    for path in paths_in(schema["properties"]["trigger"], "trigger"):
        deliveries = values(schema, path.split("."))
        for operator in POSITIVE:
            for wanted in filter(evaluate.OPERATORS[operator].fits, VALUES):
                if why_never([path, operator, wanted], schema):
                    rows = {"rows": [[path, operator, wanted]]}
                    tried += 1
                    assert not any(evaluate.hold(rows, fields) for fields in deliveries), rows

    assert tried > 100


def test_a_field_that_is_always_null_is_said_to_be() -> None:
    schema = unknown_fields.visible_to_step("pagerduty/on-call-changed", {})
    said = {
        operator: why_never(["trigger.event.agent", operator, True], schema)
        for operator in ("equals", "exists", "not_equals")
    }

    assert said == dict.fromkeys(("equals", "exists"), "trigger.event.agent is always null here.") | {
        "not_equals": ""
    }
    assert why_never(["trigger.event.agent", "exists", False], schema) == ""
