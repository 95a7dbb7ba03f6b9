"""A step's input: its templates filled in with what the run has seen so far."""

import uuid
from typing import Any

from connections.models import Connection
from workflows import calls, catalog, expressions
from workflows.catalog import Json
from workflows.models import ActionCall


def call_for(
    workspace_id: uuid.UUID, definition: dict[str, Any], fields: dict[str, Any]
) -> tuple[ActionCall, Json]:
    """The unsaved call of that step, its connection read with the grant, and its input as the action takes it.

    fields: {"trigger": …, "steps": {key: output}}.
    Raises ExpressionError, which names the input, or Problem (unknown_action, invalid_input).
    """
    connection = Connection.objects.get_with_grant(pk=definition["connection"], workspace=workspace_id)
    schema = catalog.input_schema(definition["action"])
    rendered = {}
    for name, template in definition["input"].items():
        try:
            value = expressions.render_all(template, fields)
        except expressions.ExpressionError as error:
            raise expressions.ExpressionError(f"{name}: {error}") from None
        rendered[name] = _as_asked(value, schema["properties"].get(name, {}))
    return calls.for_step(connection=connection, action_key=definition["action"], data=rendered)


def _as_asked(value: Any, schema: dict[str, Any]) -> Any:
    """A lone `{{ field }}` keeps its type; where the action asks for text, a number becomes text."""
    if schema.get("type") == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value
