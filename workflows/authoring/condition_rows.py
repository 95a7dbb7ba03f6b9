"""Conditions as a form: rows of field, operator and value, one empty row more than there are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from core.text.json_sanitize import is_storable
from core.web.edit_conflicts import Part
from workflows.authoring.descriptions import OPERATOR_WORDS
from workflows.authoring.samples import Field, Source
from workflows.conditions.comparisons.kinds import written
from workflows.conditions.evaluate import OPERATORS
from workflows.conditions.fields import MAX_CONDITIONS, UNSTORABLE
from workflows.formatting.field_names import name_of

_NOT_THERE = "not_exists"
_OF_ROW = re.compile(r"Row (\d{1,3}): (.*)", re.DOTALL)
# Between values, not inside of a field such as {{ trigger.incident.title | replace: ",", " " }}.
_COMMA = re.compile(r",(?![^{}]*\}\})")
_FIRST = re.compile(r"\.0(?=\.|$)")


@dataclass
class Row:
    """One line. value: as it is typed; several for `one_of` are separated by commas."""

    field: str = ""
    operator: str = "equals"
    value: str = ""
    error: str = ""


class ConditionForm:
    """As much of a form as the page needs. data: what was sent, or None to show what is stored.

    prefix: of its inputs' names, where it is a part of another form.
    """

    def __init__(
        self,
        stored: dict[str, Any],
        sources: Iterable[Source],
        data: QueryDict | None = None,
        prefix: str = "",
    ) -> None:
        self.prefix = prefix
        self.sources = [_with_lists(source) for source in sources]
        self.match = stored.get("match", "all")
        self.rows = [_shown(*row) for row in stored.get("rows", [])]
        # As they are stored: a value from elsewhere may be one that cannot be typed here, and stays if left alone.
        self._stored = {
            (row.field, row.operator, row.value): list(raw)
            for row, raw in zip(self.rows, stored.get("rows", []), strict=True)
        }
        if data is not None:
            self._read(data)
        if len(self.rows) < MAX_CONDITIONS:
            self.rows.append(Row())

    def part(self, name: str, label: str) -> Part:
        """As core.web.edit_conflicts compares it."""
        columns = {
            "field": [row.field for row in self.rows],
            "operator": [row.operator for row in self.rows],
            "value": [row.value for row in self.rows],
        }
        sent = {f"{self.prefix}{column}": values for column, values in columns.items()}

        def entered(data: QueryDict) -> str:
            return ConditionForm({}, [], data, self.prefix).text

        return Part(name, label, self.text, entered, {**sent, f"{self.prefix}match": [self.match]})

    @property
    def text(self) -> str:
        """Row by row; "" for none."""
        rows = [f"{row.field} {row.operator} {row.value}".strip() for row in self.rows if row.field]
        return "\n".join([f"{self.match} of:", *rows]) if rows else ""

    @property
    def operators(self) -> list[tuple[str, str]]:
        offered = [(name, OPERATOR_WORDS.get(name, name)) for name in OPERATORS if name != "exists"]
        return [*offered, ("exists", "exists"), (_NOT_THERE, "does not exist")]

    @property
    def unknown(self) -> list[Field]:
        """Fields in use that the sample does not have, so that they are not lost."""
        known = {field.path for source in self.sources for field in source.fields}
        names = {path: name for source in self.sources for path, name in source.names.items()}
        return [
            Field(path, names.get(path, path), "")
            for path in dict.fromkeys(row.field for row in self.rows)
            if path and path not in known
        ]

    def _read(self, data: QueryDict) -> None:
        self.match = "any" if data.get(f"{self.prefix}match") == "any" else "all"
        columns = [
            data.getlist(f"{self.prefix}{name}")[: MAX_CONDITIONS + 1]
            for name in ("field", "operator", "value")
        ]
        rows = [Row(field.strip(), operator, value) for field, operator, value in zip(*columns, strict=False)]
        self.rows = [row for row in rows if row.field or row.value.strip()]
        for row in self.rows:
            row.error = "" if self._kept(row) else _fault(row)

    def _kept(self, row: Row) -> list[Any] | None:
        return self._stored.get((row.field, row.operator, row.value))

    def blame(self, errors: Any) -> bool:
        """Show errors such as "Row 2: …" at their rows. Returns whether each of them has one."""
        found = [_OF_ROW.fullmatch(str(error)) for error in errors] if isinstance(errors, list) else []
        rows = [row for row in self.rows if row.field]
        if not found or not all(match and 0 < int(match[1]) <= len(rows) for match in found):
            return False
        for match in found:
            if match:
                rows[int(match[1]) - 1].error = _as_sentence(match[2])
        return True

    def is_valid(self) -> bool:
        return not any(row.error for row in self.rows)

    @property
    def conditions(self) -> dict[str, Any]:
        """As definitions have them."""
        return {
            "match": self.match,
            "rows": [self._kept(row) or _stored(row) for row in self.rows if row.field],
        }


def _as_sentence(said: str) -> str:
    """With a capital, but where it begins with the path of a field."""
    return said if "." in said.partition(" ")[0] else said[:1].upper() + said[1:]


def _with_lists(source: Source) -> Source:
    """The fields of `source`, and before each that is of the first item of a list the same of every item."""
    fields = []
    for field in source.fields:
        every = _FIRST.sub(".*", field.path)
        if every != field.path:
            fields.append(Field(every, name_of(every, source.names), field.value))
        fields.append(field)
    return Source(source.name, fields, source.names)


def _fault(row: Row) -> str:
    """The fault of the condition, "" for none."""
    asked_for_value = row.operator not in ("exists", _NOT_THERE)
    operator = OPERATORS.get(row.operator if asked_for_value else "exists")
    if not row.field:
        return "Choose a field."
    if operator is None:
        return "Choose a comparison."
    if not row.value.strip() and asked_for_value:
        return "Enter a value to compare with."
    if not operator.fits(wanted := _stored(row)[2]):
        return operator.why(wanted) or f"Enter {operator.takes}."
    return "" if is_storable(row.value) else UNSTORABLE


def _shown(field: str, operator: str, value: Any) -> Row:
    if operator == "exists":
        return Row(field, _NOT_THERE if value is False else operator)
    return Row(field, operator, ", ".join(map(written, value)) if isinstance(value, list) else written(value))


def _stored(row: Row) -> list[Any]:
    if row.operator in ("exists", _NOT_THERE):
        return [row.field, "exists", row.operator == "exists"]
    if row.operator == "one_of":
        return [row.field, row.operator, [part.strip() for part in _COMMA.split(row.value) if part.strip()]]
    return [row.field, row.operator, row.value.strip()]
