"""Workflow definitions: what a draft may say, checked before it can be published.

{"conditions": {"match": "all", "rows": [["trigger.incident.urgency", "equals", "high"]]},
 "steps": [{"key", "name", "connection", "action", "input": {…}, "on_error": "stop"|"continue"}]}
"""

import json
import re
from typing import Any

from rest_framework import serializers

from connections.actors import Actor
from connections.models import Connection
from connections.problems import Problem
from connections.storable import is_storable
from workflows import catalog, conditions, expressions
from workflows.inputs import ActionInput, Text
from workflows.models import Trigger

MAX_STEPS = 25
MAX_CONDITIONS = 25
MAX_TEXT = 200_000
_UNSTORABLE = "Holds characters that cannot be stored."


class ConditionsField(serializers.Field[Any, Any, Any, Any]):
    """{"match": "all"|"any", "rows": [[field, operator, value], …]}"""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict) or set(data) - {"match", "rows"}:
            raise serializers.ValidationError('Must be {"match": "all" or "any", "rows": […]}.')
        match, rows = data.get("match", "all"), data.get("rows", [])
        if match not in ("all", "any") or not isinstance(rows, list) or len(rows) > MAX_CONDITIONS:
            raise serializers.ValidationError(f"match: all or any; rows: at most {MAX_CONDITIONS}.")
        if not is_storable(rows):
            raise serializers.ValidationError(_UNSTORABLE)
        for number, row in enumerate(rows, start=1):
            self._check(number, row)
        return {"match": match, "rows": rows}

    def _check(self, number: int, row: Any) -> None:
        if not (isinstance(row, list) and len(row) == 3 and all(isinstance(part, str) for part in row[:2])):
            raise serializers.ValidationError(f"Row {number} must be [field, operator, value].")
        path, operator, value = row
        if not expressions.is_path(path) or not path.startswith("trigger."):
            raise serializers.ValidationError(f"Row {number}: the field must begin with trigger.")
        if operator not in conditions.OPERATORS:
            known = ", ".join(conditions.OPERATORS)
            raise serializers.ValidationError(f"Row {number}: unknown operator. Known: {known}.")
        if (operator == "one_of") != isinstance(value, list) or isinstance(value, dict):
            raise serializers.ValidationError(f"Row {number}: one_of takes a list, the others one value.")

    def to_representation(self, value: Any) -> Any:
        return value


class StepInput(ActionInput):
    """One step; whether its input fits the action is known only when its fields are filled in."""

    key = serializers.RegexField(re.compile(r"\A[a-z][a-z0-9_]{0,39}\Z"), max_length=40)
    name = Text(required=False, max_length=120, allow_blank=True)
    connection = serializers.UUIDField()
    action = Text(max_length=80)
    input = serializers.DictField()
    on_error = serializers.ChoiceField(choices=["stop", "continue"], default="stop")

    def validate_action(self, value: str) -> str:
        if catalog.find_action(value) is None:
            raise serializers.ValidationError(f"There is no action {value}.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        action = catalog.find_action(attrs["action"])
        assert action is not None  # noqa: S101 - validate_action has seen to it
        known = action.input().fields
        problems = {name: ["Unknown field."] for name in attrs["input"] if name not in known}
        problems |= {
            name: ["This field is required."]
            for name, field in known.items()
            if field.required and attrs["input"].get(name) in (None, "")
        }
        for name, value in attrs["input"].items():
            if not is_storable(value):
                problems.setdefault(name, [_UNSTORABLE])
            try:
                _check_templates(value)
            except expressions.ExpressionError as error:
                problems.setdefault(name, [str(error)])
        if problems:
            raise serializers.ValidationError({"input": problems})
        return {**attrs, "connection": str(attrs["connection"])}


def _check_templates(value: Any) -> None:
    if isinstance(value, str):
        expressions.check(value)
    elif isinstance(value, list):
        for item in value:
            _check_templates(item)


class DefinitionInput(ActionInput):
    """The whole of a draft."""

    conditions = ConditionsField(default=lambda: {"match": "all", "rows": []})
    steps: Any = serializers.ListSerializer(child=StepInput(), max_length=MAX_STEPS)

    def validate_steps(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not steps and not self.context.get("unfinished"):
            raise serializers.ValidationError("Add at least one step.")
        keys = [step["key"] for step in steps]
        if len(set(keys)) != len(keys):
            raise serializers.ValidationError("Each step needs a key of its own.")
        if len(json.dumps([step["input"] for step in steps])) > MAX_TEXT:
            raise serializers.ValidationError(f"The inputs of all steps are at most {MAX_TEXT:,} characters.")
        return steps


def check(
    *, actor: Actor, trigger: Trigger, definition: dict[str, Any], unfinished: bool = False
) -> dict[str, Any]:
    """The definition in its stored form. unfinished: it may have no step yet.

    Raises ValidationError, or Problem for a foreign connection.
    """
    serializer = DefinitionInput(data=definition, context={"unfinished": unfinished})
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    used = {step["connection"] for step in checked["steps"]}
    found = Connection.objects.visible_to(actor).filter(workspace=trigger.workspace_id, pk__in=used)
    known = {str(pk): provider for pk, provider in found.values_list("pk", "provider")}
    for number, step in enumerate(checked["steps"]):
        if known.get(step["connection"]) != step["action"].partition("/")[0]:
            raise Problem(
                "invalid_input",
                f"Step {number + 1} names a connection that does not exist in this workspace.",
                fields={"steps": {str(number): {"connection": ["Not a connection of this workspace."]}}},
            )
    return checked
