"""Conditions: rows of [field, operator, value], all or any of which must hold.

They decide whether an event starts a workflow, and whether a step of it happens (`only_if`). Runs, dry runs and the
explanation of what did not start all ask `judge`.
"""

import json
from dataclasses import dataclass
from typing import Any

from workflows.conditions.comparisons import operators
from workflows.conditions.operands import wanted_of
from workflows.conditions.paths import EVERY, reach
from workflows.conditions.typed import OPERATORS

__all__ = ["OPERATORS", "Judged", "hold", "judge"]
_MOST_SHOWN = 5
_LONGEST_SHOWN = 200


@dataclass(frozen=True)
class Judged:
    """One row on one event: whether it held, and what was compared.

    value: as it is typed. wanted: with its fields filled in. values: what is at the field, [] for nothing.
    """

    field: str
    operator: str
    value: Any
    wanted: Any
    held: bool
    values: list[Any]

    @property
    def actual(self) -> str:
        """The value at the field, on one short line: "nothing" if it is missing or null."""
        shown = [_shown(value) for value in self.values[:_MOST_SHOWN]]
        more = ["…"] if len(self.values) > _MOST_SHOWN else []
        return _cut(", ".join([*shown, *more])) if shown else "nothing"

    @property
    def compared_with(self) -> str:
        """The value of the row with its fields filled in, on one short line."""
        return "nothing" if self.wanted is None else _cut(_shown(self.wanted))


def hold(conditions: dict[str, Any], fields: dict[str, Any]) -> bool:
    """Return whether `conditions` ({"match": "all"|"any", "rows": [[field, operator, value], …]}) hold.

    fields: {"trigger": …}, in a step also {"steps": …}. No rows: always.
    """
    rows = conditions.get("rows") or []
    results = (_compare(row, fields)[0] for row in rows)
    return any(results) if rows and conditions.get("match") == "any" else all(results)


def judge(conditions: dict[str, Any], fields: dict[str, Any]) -> list[Judged]:
    """Return each row as it was judged; `hold` decides by the same results."""
    judged = []
    for row in conditions.get("rows") or []:
        field, operator, value = row
        held, wanted, values = _compare(row, fields)
        judged.append(Judged(field, operator, value, wanted, held, values))
    return judged


def _compare(row: Any, fields: dict[str, Any]) -> tuple[bool, Any, list[Any]]:
    """Return whether a row holds, its value with fields filled in, and the value at its field."""
    field, operator, value = row
    wanted, values = wanted_of(value, fields), reach(fields, field)
    if EVERY in field:
        held = operators.any_holds(operator, values, wanted)
    else:
        held = operators.holds(operator, values[0] if values else None, wanted)
    return held, wanted.value, values


def _shown(value: Any) -> str:
    """A value as people read it: a list item by item, an object by its name, else as JSON."""
    if isinstance(value, list):
        parts = [_shown(item) for item in value[:_MOST_SHOWN]]
        return ", ".join([*parts, *(["…"] if len(value) > _MOST_SHOWN else [])]) or "an empty list"
    if isinstance(value, dict):
        named = [value[name] for name in ("summary", "id") if isinstance(value.get(name), str)]
        return " ".join([named[0], *(f"({one})" for one in named[1:])]) if named else _json(value)
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[: _LONGEST_SHOWN + 1]


def _cut(text: str) -> str:
    line = " ".join(text[: 2 * _LONGEST_SHOWN].split())
    return line if len(line) <= _LONGEST_SHOWN else f"{line[: _LONGEST_SHOWN - 1]}…"
