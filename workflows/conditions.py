"""Conditions: rows of [field, operator, value], all or any of which must hold.

They decide whether an event starts a workflow, and whether a step of it happens (`only_if`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from workflows import wildcards, windows
from workflows.expressions import look_up
from workflows.moments import moment, time_of_day

LONGEST_VALUE = 1000
LONGEST_LIST = 100
# What of a field's value is looked at.
_LONGEST_TEXT = 30_000
_LONGEST_ARRAY = 2000


def _text(value: Any) -> str:
    """As it is compared: without regard to case, because nobody means "Payments" but not "payments"."""
    return ("" if isinstance(value, list | dict) else str(value))[:_LONGEST_TEXT].casefold()


def _contains(actual: Any, wanted: Any) -> bool:
    text = _text(wanted)
    if isinstance(actual, list):
        return any(text == _text(item) for item in actual[:_LONGEST_ARRAY])
    return text in _text(actual)


def _matches(actual: Any, wanted: Any) -> bool:
    """Wildcards, see workflows.wildcards; of a list, whether any item does."""
    items = actual if isinstance(actual, list) else [actual]
    texts = [str(item) for item in items[:LONGEST_LIST] if isinstance(item, str | int | float)]
    # The items of a list share what one text may be long, so that many cost no more than one.
    return any(wildcards.matches(text[: wildcards.LONGEST_TEXT // len(texts)], str(wanted)) for text in texts)


def _number(value: Any) -> float:
    return float("nan") if isinstance(value, bool) else float(value)


def _compare(test: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    def compare(actual: Any, wanted: Any) -> bool:
        try:
            return test(_number(actual), _number(wanted))
        except (TypeError, ValueError, OverflowError):
            return False

    return compare


def _when(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Compares moments; where only a time of day is wanted (22:00), the times of day in that zone."""

    def compare(actual: Any, wanted: Any) -> bool:
        found, bound = moment(actual), _bound(wanted)
        if found is None or bound is None:
            return False
        if isinstance(bound, time):
            try:
                found_at = found.astimezone(bound.tzinfo).timetz()
            except OverflowError:  # the first and the last day that there are
                return False
            return test(found_at, bound)
        return test(found, bound)

    return compare


def _bound(wanted: Any) -> datetime | time | None:
    return moment(wanted) or time_of_day(wanted)


def _within(actual: Any, wanted: Any, *, inside: bool) -> bool:
    """Whether that moment is inside, or outside, of the window; what is no moment is neither."""
    found, window = moment(actual), windows.window(wanted)
    return found is not None and window is not None and window.has(found) is inside


def _is_number(wanted: Any) -> bool:
    try:
        return _is_plain(wanted) and math.isfinite(_number(wanted))
    except (TypeError, ValueError, OverflowError):
        return False


def _is_plain(wanted: Any) -> bool:
    short = not isinstance(wanted, str) or len(wanted) <= LONGEST_VALUE
    return short and not isinstance(wanted, list | dict)


def _is_list(wanted: Any) -> bool:
    return isinstance(wanted, list) and 0 < len(wanted) <= LONGEST_LIST and all(map(_is_plain, wanted))


@dataclass(frozen=True)
class Operator:
    """holds(actual, wanted); actual is None where the field is not there. fits(wanted): what may be wanted, `takes`
    in words."""

    holds: Callable[[Any, Any], bool]
    takes: str = f"one value of at most {LONGEST_VALUE} characters"
    fits: Callable[[Any], bool] = _is_plain


_A_NUMBER = ("a number", _is_number)
_A_TIME = (
    "a date or time such as 2026-11-01T09:30:00Z, 2026-11-01 or 22:00",
    lambda w: _bound(w) is not None,
)
_A_WINDOW = (
    "hours such as 09:00-17:00, with days and a time zone if needed: Mon-Fri 22:00-06:00 Europe/London",
    lambda wanted: windows.window(wanted) is not None,
)
_A_LIST = (f"a list of at most {LONGEST_LIST} values", _is_list)
_A_PATTERN = (
    f"a pattern of at most {wildcards.LONGEST_PATTERN} characters, in which * stands for any of them and ? for one",
    lambda wanted: isinstance(wanted, str) and 0 < len(wanted) <= wildcards.LONGEST_PATTERN,
)
OPERATORS: dict[str, Operator] = {
    "equals": Operator(lambda actual, wanted: _text(actual) == _text(wanted)),
    "not_equals": Operator(lambda actual, wanted: _text(actual) != _text(wanted)),
    "contains": Operator(_contains),
    "not_contains": Operator(lambda actual, wanted: not _contains(actual, wanted)),
    "one_of": Operator(lambda actual, wanted: _text(actual) in {_text(item) for item in wanted}, *_A_LIST),
    "greater": Operator(_compare(lambda actual, wanted: actual > wanted), *_A_NUMBER),
    "less": Operator(_compare(lambda actual, wanted: actual < wanted), *_A_NUMBER),
    "matches": Operator(_matches, *_A_PATTERN),
    "before": Operator(_when(lambda actual, wanted: actual < wanted), *_A_TIME),
    "after": Operator(_when(lambda actual, wanted: actual > wanted), *_A_TIME),
    "within": Operator(lambda actual, wanted: _within(actual, wanted, inside=True), *_A_WINDOW),
    "outside": Operator(lambda actual, wanted: _within(actual, wanted, inside=False), *_A_WINDOW),
    "exists": Operator(lambda actual, wanted: (actual is not None) == (wanted is not False)),
}


def hold(conditions: dict[str, Any], fields: dict[str, Any]) -> bool:
    """Whether `conditions` ({"match": "all"|"any", "rows": [[field, operator, value], …]}) hold.

    fields: {"trigger": …}, in a step also {"steps": …}. A field that is not there is None. No rows: always.
    """
    rows = conditions.get("rows") or []
    results = (OPERATORS[operator].holds(look_up(fields, field), value) for field, operator, value in rows)
    return any(results) if rows and conditions.get("match") == "any" else all(results)
