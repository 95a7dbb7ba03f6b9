"""Conditions as people send them: every row is checked, and the answer names the one at fault."""

from typing import Any

from rest_framework import serializers

from connections.storable import is_storable
from workflows import conditions, expressions, known_fields
from workflows.catalog import Json
from workflows.known_fields import Route

MAX_CONDITIONS = 25
UNSTORABLE = "Holds characters that cannot be stored."


class ConditionsField(serializers.Field[Any, Any, Any, Any]):
    """{"match": "all"|"any", "rows": [[field, operator, value], …]}. about: what fields may begin with."""

    def __init__(self, *, about: tuple[str, ...] = ("trigger",), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.about = about

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict) or set(data) - {"match", "rows"}:
            raise serializers.ValidationError('Must be {"match": "all" or "any", "rows": […]}.')
        match, rows = data.get("match", "all"), data.get("rows", [])
        if match not in ("all", "any") or not isinstance(rows, list) or len(rows) > MAX_CONDITIONS:
            raise serializers.ValidationError(f"match: all or any; rows: at most {MAX_CONDITIONS}.")
        # Row by row first: what is left after that is short.
        for number, row in enumerate(rows, start=1):
            if said := self._problem(row):
                raise serializers.ValidationError(f"Row {number}: {said}")
        if not is_storable(rows):
            raise serializers.ValidationError(UNSTORABLE)
        return {"match": match, "rows": rows}

    def _problem(self, row: Any) -> str:
        if not (isinstance(row, list) and len(row) == 3 and all(isinstance(part, str) for part in row[:2])):
            return "must be [field, operator, value]."
        path, operator, value = row
        if not expressions.is_path(path) or path.partition(".")[0] not in self.about or "." not in path:
            return f"the field must begin with {' or '.join(f'{name}.' for name in self.about)}"
        known = conditions.OPERATORS.get(operator)
        if known is None:
            near = known_fields.suggestion(operator, conditions.OPERATORS)
            hint = f"Did you mean {near}?" if near else f"Known: {', '.join(conditions.OPERATORS)}."
            return f"there is no operator {operator[:40]}. {hint}"
        return "" if known.fits(value) else f"{operator} takes {known.takes}."

    def to_representation(self, value: Any) -> Any:
        return value


def problem_with_fields(checked: dict[str, Any], schema: Json) -> str:
    """The first row whose field cannot be there, in words; "" when each may be. schema: of what can be seen."""
    for number, (path, _, _) in enumerate(checked["rows"], start=1):
        if said := known_fields.problem_with(_route(path), schema):
            return f"Row {number}: {said}"
    return ""


def _route(path: str) -> Route:
    return [int(part) if part.isascii() and part.isdecimal() else part for part in path.split(".")]
