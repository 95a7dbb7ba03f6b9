"""Conditions: rows of [field, operator, value], all or any of which must hold for a workflow to run."""

from collections.abc import Callable
from typing import Any

from workflows.expressions import look_up


def _text(value: Any) -> str:
    return str(value).casefold()


def _contains(actual: Any, wanted: Any) -> bool:
    if isinstance(actual, list):
        return any(_text(wanted) == _text(item) for item in actual)
    return _text(wanted) in _text(actual)


def _number(value: Any) -> float:
    return float("nan") if isinstance(value, bool) else float(value)


def _compare(test: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    def compare(actual: Any, wanted: Any) -> bool:
        try:
            return test(_number(actual), _number(wanted))
        except (TypeError, ValueError, OverflowError):
            return False

    return compare


# Texts compare without regard to case: nobody means "Payments" but not "payments".
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda actual, wanted: _text(actual) == _text(wanted),
    "not_equals": lambda actual, wanted: _text(actual) != _text(wanted),
    "contains": _contains,
    "not_contains": lambda actual, wanted: not _contains(actual, wanted),
    "one_of": lambda actual, wanted: _text(actual) in {_text(item) for item in wanted},
    "greater": _compare(lambda actual, wanted: actual > wanted),
    "less": _compare(lambda actual, wanted: actual < wanted),
    "exists": lambda actual, wanted: (actual is not None) == (wanted is not False),
}


def hold(conditions: dict[str, Any], fields: dict[str, Any]) -> bool:
    """Whether `conditions` ({"match": "all"|"any", "rows": [[field, operator, value], …]}) hold.

    fields: {"trigger": …}. A field that is not there is None. No rows: always.
    """
    rows = conditions.get("rows") or []
    results = (OPERATORS[operator](look_up(fields, field), value) for field, operator, value in rows)
    return any(results) if rows and conditions.get("match") == "any" else all(results)
