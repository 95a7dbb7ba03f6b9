"""Workflow definitions: what a draft may say, checked before it can be published.

{"conditions": {"match": "all", "rows": [["trigger.incident.urgency", "equals", "high"]]},
 "steps": [{"key", "name", "connection", "action", "input": {…}, "on_error": "stop"|"continue"|"retry",
            "only_if": {"match": "any", "rows": [["steps.create.incident.id", "exists", true]]}}]}

`name` and `only_if` can be left out. What fields and conditions look at has to be there by then: see
workflows.expressions.unknown_fields.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from rest_framework import serializers

from connections.models import Connection
from connections.tenancy.actor import Actor
from core.errors import Problem
from core.text.json_sanitize import is_storable
from workflows import catalog, expressions
from workflows.catalog import Json
from workflows.catalog.schemas import ActionInput, Text, unnested
from workflows.conditions.fields import UNSTORABLE, ConditionsField, rows_that_never_hold
from workflows.expressions import unknown_fields
from workflows.expressions.bounds import beyond
from workflows.models import Trigger

MAX_STEPS = 25
MAX_TEXT = 200_000
# Each takes time to be held against what can be there.
MAX_FIELDS = 500
ON_ERROR = ["stop", "continue", "retry"]


class StepInput(ActionInput):
    """One step; whether its input fits the action is known only when its fields are filled in."""

    key = serializers.RegexField(re.compile(r"\A[a-z][a-z0-9_]{0,39}\Z"), max_length=40)
    name = Text(required=False, max_length=120, allow_blank=True)
    connection = serializers.UUIDField()
    action = Text(max_length=80)
    input = serializers.DictField()
    on_error = serializers.ChoiceField(choices=ON_ERROR, default="stop")
    only_if = ConditionsField(about=("trigger", "steps"), required=False)

    def validate_action(self, value: str) -> str:
        if catalog.find_action(value) is None:
            raise serializers.ValidationError(f"There is no action {value}.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        action = catalog.find_action(attrs["action"])
        assert action is not None  # noqa: S101 - validate_action has seen to it
        known = action.input().fields
        try:
            attrs["input"] = unnested(action.input, attrs["input"])
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"input": error.detail}) from None
        problems = {name: ["Unknown field."] for name in attrs["input"] if name not in known}
        problems |= {
            name: ["This field is required."]
            for name, field in known.items()
            if field.required and attrs["input"].get(name) in (None, "")
        }
        for name, value in attrs["input"].items():
            if not is_storable(value):
                problems.setdefault(name, [UNSTORABLE])
            elif said := _unreadable(value) or (beyond(known[name], value) if name in known else ""):
                problems.setdefault(name, [said])
        if problems:
            raise serializers.ValidationError({"input": problems})
        return {**attrs, "connection": str(attrs["connection"])}


def _unreadable(value: Any) -> str:
    """The reason why one of the templates cannot be parsed; "" if all can."""
    try:
        for text in expressions.texts_in(value):
            expressions.check(text)
    except expressions.ExpressionError as error:
        return str(error)
    return ""


def check_together(steps: list[dict[str, Any]]) -> None:
    """Check the steps as a whole. Raises ValidationError."""
    keys = [step["key"] for step in steps]
    if len(set(keys)) != len(keys):
        raise serializers.ValidationError("Each step needs a key of its own.")
    if len(json.dumps([step["input"] for step in steps])) > MAX_TEXT:
        raise serializers.ValidationError(f"The inputs of all steps are at most {MAX_TEXT:,} characters.")
    if sum(text.count("{{") for step in steps for text in expressions.texts_in(step["input"])) > MAX_FIELDS:
        raise serializers.ValidationError(f"The inputs of all steps have at most {MAX_FIELDS} fields.")


class DefinitionInput(ActionInput):
    """The whole of a draft."""

    conditions = ConditionsField(default=lambda: {"match": "all", "rows": []})
    steps: Any = serializers.ListSerializer(child=StepInput(), max_length=MAX_STEPS)

    def validate_steps(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not steps and not self.context.get("unfinished"):
            raise serializers.ValidationError("Add at least one step.")
        check_together(steps)
        return steps


def check(
    *, actor: Actor, trigger: Trigger, definition: dict[str, Any], unfinished: bool = False
) -> dict[str, Any]:
    """The definition in its stored form. unfinished: it may have no step yet.

    Raises ValidationError, or Problem for a foreign connection.
    """
    serializer = DefinitionInput(data=definition, context={"unfinished": unfinished})
    if not serializer.is_valid():
        raise serializers.ValidationError(serializer.errors | _conditions_beside(trigger.key, serializer))
    checked: dict[str, Any] = serializer.validated_data
    _check_connections(actor, trigger, checked["steps"])
    problems = _unknown_fields(trigger.key, checked)
    if problems:
        raise serializers.ValidationError(problems)
    return checked


def _check_connections(actor: Actor, trigger: Trigger, steps: list[dict[str, Any]]) -> None:
    used = {step["connection"] for step in steps}
    found = Connection.objects.visible_to(actor).filter(workspace=trigger.workspace_id, pk__in=used)
    known = {str(pk): provider for pk, provider in found.values_list("pk", "provider")}
    for number, step in enumerate(steps):
        if known.get(step["connection"]) != step["action"].partition("/")[0]:
            raise Problem(
                "invalid_input",
                f"Step {number + 1} names a connection that does not exist in this workspace.",
                fields={"steps": {str(number): {"connection": ["Not a connection of this workspace."]}}},
            )


def _unknown_fields(trigger_key: str, checked: dict[str, Any]) -> dict[str, Any]:
    """The uses of fields that cannot exist: {"conditions": […], "steps": {"1": {"input": {name: […]}}}}."""
    problems = _never_holding(trigger_key, checked["conditions"])
    earlier: dict[str, str] = {}
    steps: dict[str, Any] = {}
    for number, step in enumerate(checked["steps"]):
        if wrong := _unknown_to_step(step, unknown_fields.visible_to_step(trigger_key, earlier)):
            steps[str(number)] = wrong
        earlier[step["key"]] = step["action"]
    return problems | ({"steps": steps} if steps else {})


def _never_holding(trigger_key: str, conditions: Json) -> dict[str, Any]:
    said = rows_that_never_hold(conditions, unknown_fields.visible_to_step(trigger_key, {}))
    return {"conditions": said} if said else {}


def _conditions_beside(trigger_key: str, invalid: DefinitionInput) -> dict[str, Any]:
    """The same where the steps are at fault: a draft with a broken step takes no condition that never holds."""
    if "conditions" in invalid.errors or "conditions" not in invalid.initial_data:
        return {}
    return _never_holding(trigger_key, ConditionsField().run_validation(invalid.initial_data["conditions"]))


def _unknown_to_step(step: dict[str, Any], schema: Json) -> dict[str, Any]:
    problems: dict[str, Any] = {}
    if "only_if" in step and (asked := rows_that_never_hold(step["only_if"], schema)):
        problems["only_if"] = asked
    found = {name: next(_unknown_in(value, schema), "") for name, value in step["input"].items()}
    inputs = {name: [said] for name, said in found.items() if said}
    return problems | ({"input": inputs} if inputs else {})


def _unknown_in(value: Any, schema: Json) -> Iterator[str]:
    for text in expressions.texts_in(value):
        for route in expressions.routes(text):
            if said := unknown_fields.problem_with(route, schema):
                yield said
