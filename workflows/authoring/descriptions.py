"""A workflow's definition as a person reads it."""

from dataclasses import dataclass
from typing import Any

from connections.models import Connection
from workflows import catalog
from workflows.authoring import drafts
from workflows.conditions.comparisons.kinds import written
from workflows.formatting import summaries
from workflows.formatting.field_names import Names, name_of
from workflows.formatting.labels import title_of
from workflows.formatting.serializer_errors import flat
from workflows.formatting.summaries import Fact
from workflows.models import Event

OPERATOR_WORDS = {
    "equals": "is",
    "not_equals": "is not",
    "contains": "contains",
    "not_contains": "does not contain",
    "one_of": "is one of",
    "greater": "is greater than",
    "less": "is less than",
    "matches": "matches",
    "before": "is before",
    "after": "is after",
    "within": "is within",
    "outside": "is outside",
}

ON_ERROR = {
    "stop": "On error: stop",
    "continue": "On error: continue",
    "retry": "On error: retry, then stop",
}


@dataclass(frozen=True)
class Step:
    """One step. action: its name, "" if the step is called so. connection: None when it is gone.

    only_if: rows in words, and how many of them have to hold. on_error: what an error does, as a sentence.
    warnings: (name of an input, what can go wrong with it).
    """

    key: str
    name: str
    action: str
    connection: Connection | None
    given: list[Fact]
    only_if: list[str]
    how_many: str
    on_error: str
    warnings: list[tuple[str, str]]


def conditions(definition: dict[str, Any], names: Names) -> list[str]:
    """Each row as a sentence: Incident urgency is high."""
    return rows(definition.get("conditions"), names)


def rows(asked: dict[str, Any] | None, names: Names) -> list[str]:
    """Each row of {"match", "rows"} as a sentence; none for None."""
    return [_row(path, operator, value, names) for path, operator, value in (asked or {}).get("rows", [])]


def how_many(asked: dict[str, Any] | None) -> str:
    """The phrase before the conditions: how many of them have to hold."""
    found = (asked or {}).get("rows", [])
    if len(found) < 2:
        return "the condition is met"
    return "any condition is met" if (asked or {}).get("match") == "any" else "all conditions are met"


def _row(path: str, operator: str, value: Any, names: Names) -> str:
    field = name_of(path, names)
    if operator == "exists":
        return f"{field} {'does not exist' if value is False else 'exists'}"
    said = ", ".join(map(written, value)) if isinstance(value, list) else written(value)
    return f"{field} {OPERATOR_WORDS.get(operator, operator)} {said}"


def steps(
    definition: dict[str, Any],
    connections: dict[str, Connection],
    names: Names,
    warnings: dict[str, dict[str, str]] | None = None,
) -> list[Step]:
    """connections: by id, those that the steps name. warnings: as `possible_nulls.of_definition` has them."""
    return [
        Step(
            key=step["key"],
            name=step.get("name") or step["key"],
            action=action_of(step),
            connection=connections.get(step["connection"]),
            given=summaries.of_input(catalog.input_schema(step["action"]), step["input"]),
            only_if=rows(step.get("only_if"), names),
            how_many=how_many(step.get("only_if")),
            on_error=ON_ERROR[step.get("on_error", "stop")],
            warnings=_by_label(step["action"], (warnings or {}).get(step["key"], {})),
        )
        for step in definition.get("steps", [])
    ]


def _by_label(action_key: str, said: dict[str, str]) -> list[tuple[str, str]]:
    known = catalog.input_schema(action_key)["properties"]
    return [(title_of(name, known.get(name, {})), what) for name, what in said.items()]


def action_of(step: dict[str, Any]) -> str:
    """The name of the step's action; "" if the step has the same name."""
    known = catalog.find_action(step["action"])
    name = known.name if known else step["action"]
    return "" if name == step.get("name") else name


def events(found: list[Event]) -> list[tuple[Event, str]]:
    """Each with what it is about. They are of one trigger's provider, which comes with them."""
    return [
        (event, catalog.integration(event.trigger.provider).webhooks.in_words(event.payload).subject)
        for event in found
    ]


def faults(detail: Any, definition: dict[str, Any]) -> list[str]:
    """The faults as sentences, each with its step and input. detail: as drafts.faults_of_step."""
    said = flat(detail.get("conditions", [])) if isinstance(detail, dict) else []
    said = [f"Conditions: {one}" for one in said]
    for at, step in enumerate(definition["steps"]):
        of_step = drafts.faults_of_step(detail, at)
        name = step.get("name") or step["key"]
        properties = catalog.input_schema(step["action"])["properties"]
        inputs = of_step.get("input", {})
        inputs = inputs if isinstance(inputs, dict) else {"": inputs}
        for field, errors in inputs.items():
            said += [f"{name}, {title_of(field, properties.get(field, {}))}: {one}" for one in flat(errors)]
        said += [
            f"{name}: {one}" for one in flat({what: of_step[what] for what in of_step if what != "input"})
        ]
    return said or flat(detail)
