"""A step's input: its templates filled in with what the run has seen so far, and held against its action.

`prepare` is the one way from a template to what is sent: for a run, a test of the draft, its dry run and its preview.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.serializers import as_serializer_error

from connections.models import Connection
from core.errors import Problem
from workflows import catalog, expressions
from workflows.calls import pipeline
from workflows.catalog import Json
from workflows.expressions.writing import as_json, text_of
from workflows.formatting.serializer_errors import flat
from workflows.models import ActionCall

# A text that may be so long is for people to read; shorter ones are names, ids and keys.
_PROSE = 300


@dataclass(frozen=True)
class Prepared:
    """given: what the call keeps, of what could be filled in. checked: as the action takes it, unless there are faults.

    faults: what is wrong, by the name of the input. unfilled: the inputs whose templates could not be filled in.
    """

    given: Json
    checked: Json
    faults: dict[str, list[str]] = field(default_factory=dict)
    unfilled: frozenset[str] = frozenset()

    def sentences(self) -> list[tuple[str, str]]:
        """Each fault as (name of the input, what is wrong with it)."""
        return [(name, " ".join(said)) for name, said in self.faults.items()]


def prepare(action_key: str, templates: Mapping[str, Any], fields: Json) -> Prepared:
    """fields: {"trigger": …, "steps": {key: output}}. Raises Problem (unknown_action)."""
    action = catalog.find_action(action_key)
    if action is None:
        raise Problem("unknown_action", f"There is no action {action_key[:80]}.", status=404)
    templates = {**action.step_defaults(templates), **templates}
    given, unfilled = _filled(templates, catalog.input_schema(action_key)["properties"], fields)
    try:
        checked = action.checked(given)
    except ValidationError as error:
        refused = {name: flat(said) for name, said in as_serializer_error(error).items()}
        # What a template could not give is not missing besides, and the whole is judged when all of it is there.
        faults = {name: said for name, said in refused.items() if not unfilled or name in given}
        return Prepared(given, {}, unfilled | faults, frozenset(unfilled))
    return Prepared(given, checked, unfilled, frozenset(unfilled))


def _filled(
    templates: Mapping[str, Any], properties: Json, fields: Json
) -> tuple[Json, dict[str, list[str]]]:
    given: Json = {}
    faults: dict[str, list[str]] = {}
    for name, template in templates.items():
        schema = properties.get(name, {})
        try:
            value = expressions.render_all(template, fields, gaps=_is_prose(schema))
        except expressions.ExpressionError as error:
            faults[name] = [str(error)]
        else:
            given[name] = _as_asked(value, template, schema)
    return given, faults


def _is_prose(schema: Json) -> bool:
    """Return whether the input is prose; anything else (IDs, keys, addresses, names to look for) must not be cut."""
    return bool(schema.get("x-cut"))


def _as_asked(value: Any, template: Any, schema: Json) -> Any:
    """A lone `{{ field }}` keeps its type; where the action asks for text, it becomes text as it would among text."""
    kind = schema.get("type")
    if kind == "array" and isinstance(value, list):
        return list(_items(value, template, schema.get("items", {})))
    if kind == "string" and _becomes_text(value, template, schema):
        return _cut(text_of(value), template, schema)
    return _cut(value, template, schema) if isinstance(value, str) else _plain(value)


def _cut(text: str, template: Any, schema: Json) -> str:
    """Text for people that fields have made too long ends with …; what is typed too long is left to be refused."""
    longest = schema.get("maxLength", len(text))
    if len(text) <= longest or not schema.get("x-cut") or not _has_fields(template):
        return text
    return text[: longest - 1].rstrip() + "…"


def _has_fields(template: Any) -> bool:
    return isinstance(template, str) and bool(expressions.routes(template))


def _items(value: list[Any], template: Any, schema: Json) -> Iterator[Any]:
    """Each item; a list that a field has given stands for its items."""
    templates = template if isinstance(template, list) else [template] * len(value)
    for item, own in zip(value, templates, strict=True):
        if isinstance(item, list) and isinstance(own, str):
            yield from (_as_asked(inner, own, schema) for inner in item)
        else:
            yield _as_asked(item, own, schema)


def _becomes_text(value: Any, template: Any, schema: Json) -> bool:
    if isinstance(value, bool):
        return isinstance(template, str)
    if isinstance(value, list | dict):
        return (
            isinstance(template, str)
            and "enum" not in schema
            and schema.get("maxLength", _PROSE + 1) > _PROSE
        )
    return isinstance(value, int | float | Decimal)


def _plain(value: Any) -> Any:
    """As JSON has it: what filters have calculated are decimals."""
    if isinstance(value, Decimal):
        return as_json(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def call_for(
    workspace_id: uuid.UUID, definition: dict[str, Any], fields: dict[str, Any]
) -> tuple[ActionCall, Json]:
    """The unsaved call of that step, its connection read with the grant, and its input as the action takes it.

    Raises Problem (unknown_action; expression_failed, invalid_input, whose message names step and input).
    """
    connection = Connection.objects.get_with_grant(pk=definition["connection"], workspace=workspace_id)
    pipeline.find(connection, definition["action"])
    prepared = prepare(definition["action"], definition["input"], fields)
    if prepared.faults:
        raise _as_problem(definition, prepared)
    call = pipeline.for_step(connection=connection, action_key=definition["action"], data=prepared.given)
    return call, prepared.checked


def _as_problem(definition: dict[str, Any], prepared: Prepared) -> Problem:
    said = "; ".join(f"{name}: {what}" for name, what in prepared.sentences())
    return Problem(
        "expression_failed" if prepared.unfilled else "invalid_input",
        f"Step “{definition.get('name') or definition['key']}”, {said}",
        fields=dict(prepared.faults),
        detail={"step": definition["key"]},
    )
