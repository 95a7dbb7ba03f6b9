"""A workflow's definition as a person reads it."""

from dataclasses import dataclass
from typing import Any

from connections.models import Connection
from workflows import catalog, readable, samples
from workflows.models import Event
from workflows.readable import Fact

OPERATOR_WORDS = {
    "equals": "is",
    "not_equals": "is not",
    "contains": "contains",
    "not_contains": "does not contain",
    "one_of": "is one of",
    "greater": "is greater than",
    "less": "is less than",
}


@dataclass(frozen=True)
class Step:
    """One step. action: its name, "" if the step is called so. connection: None when it is gone.

    stops: whether an error ends the run.
    """

    key: str
    name: str
    action: str
    connection: Connection | None
    given: list[Fact]
    stops: bool


def conditions(definition: dict[str, Any]) -> list[str]:
    """Each row as a sentence: Incident urgency is high."""
    return [_row(*row) for row in definition.get("conditions", {}).get("rows", [])]


def _row(path: str, operator: str, value: Any) -> str:
    field = samples.name_of(path)
    if operator == "exists":
        return f"{field} {'is not there' if value is False else 'is there'}"
    said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{field} {OPERATOR_WORDS.get(operator, operator)} {said}"


def steps(definition: dict[str, Any], connections: dict[str, Connection]) -> list[Step]:
    """connections: by id, those that the steps name."""
    return [
        Step(
            key=step["key"],
            name=step.get("name") or step["key"],
            action=action_of(step),
            connection=connections.get(step["connection"]),
            given=readable.of_input(catalog.input_schema(step["action"]), step["input"]),
            stops=step.get("on_error", "stop") == "stop",
        )
        for step in definition.get("steps", [])
    ]


def action_of(step: dict[str, Any]) -> str:
    """What the step's action is called, where the step is not called the same."""
    known = catalog.find_action(step["action"])
    name = known.name if known else step["action"]
    return "" if name == step.get("name") else name


def events(found: list[Event]) -> list[tuple[Event, str]]:
    """Each with what it is about. They are of one trigger's provider, which comes with them."""
    return [
        (event, catalog.integration(event.trigger.provider).webhooks.in_words(event.payload).subject)
        for event in found
    ]
