"""Conditions as people send them: every row is checked, and the answer names the one at fault."""

import json
from typing import Any

from rest_framework import serializers

from core.text.json_sanitize import is_storable
from workflows.catalog import Json
from workflows.conditions import evaluate
from workflows.conditions.paths import is_path
from workflows.conditions.possible import why_never
from workflows.expressions import unknown_fields

MAX_CONDITIONS = 25
# Each is filled in for every event.
MOST_FIELDS = 50
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
        if json.dumps(rows).count("{{") > MOST_FIELDS:
            raise serializers.ValidationError(f"The values of all rows have at most {MOST_FIELDS} fields.")
        if not is_storable(rows):
            raise serializers.ValidationError(UNSTORABLE)
        return {"match": match, "rows": rows}

    def _problem(self, row: Any) -> str:
        if not (isinstance(row, list) and len(row) == 3 and all(isinstance(part, str) for part in row[:2])):
            return "must be [field, operator, value]."
        path, operator, value = row
        if not is_path(path) or path.partition(".")[0] not in self.about or "." not in path:
            return f"the field must begin with {' or '.join(f'{name}.' for name in self.about)}"
        known = evaluate.OPERATORS.get(operator)
        if known is None:
            near = unknown_fields.suggestion(operator, evaluate.OPERATORS)
            hint = f"Did you mean {near}?" if near else f"Known: {', '.join(evaluate.OPERATORS)}."
            return f"there is no operator {operator[:40]}. {hint}"
        return "" if known.fits(value) else known.why(value) or f"{operator} takes {known.takes}."

    def to_representation(self, value: Any) -> Any:
        return value


def rows_that_never_hold(checked: dict[str, Any], schema: Json) -> list[str]:
    """Each row that cannot hold, with the reason. schema: of what can be seen."""
    said = ((number, why_never(row, schema)) for number, row in enumerate(checked["rows"], start=1))
    return [f"Row {number}: {why}" for number, why in said if why]
