"""Validation of the typed value of each operator, with the messages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflows.conditions.comparisons.numbers import number
from workflows.conditions.operands import is_template
from workflows.conditions.wanted import bound_of
from workflows.expressions import globs, time_windows

LONGEST_VALUE = 1000
LONGEST_LIST = 100


def _is_plain(wanted: Any) -> bool:
    short = not isinstance(wanted, str) or len(wanted) <= LONGEST_VALUE
    return short and wanted is not None and not isinstance(wanted, list | dict)


def _is_list(wanted: Any) -> bool:
    return isinstance(wanted, list) and 0 < len(wanted) <= LONGEST_LIST and all(map(_is_plain, wanted))


def _is_pattern(wanted: Any) -> bool:
    return isinstance(wanted, str) and 0 < len(wanted) <= globs.LONGEST_PATTERN


@dataclass(frozen=True)
class Operator:
    """takes: what may be typed, in words. why: what exactly is wrong with a value, where that can be said."""

    takes: str = f"one value of at most {LONGEST_VALUE} characters"
    test: Callable[[Any], bool] = _is_plain
    why: Callable[[Any], str] = lambda wanted: ""
    filled_in: bool = True

    def fits(self, wanted: Any) -> bool:
        if self.filled_in and is_template(wanted):
            return _is_plain(wanted)
        return self.test(wanted)


_A_PART = (
    f"one value of at least one and at most {LONGEST_VALUE} characters",
    lambda wanted: _is_plain(wanted) and wanted != "",
)
_A_NUMBER = (
    "a number",
    lambda wanted: _is_plain(wanted) and number(wanted) is not None,
)
_A_TIME = (
    "a date or time such as 2026-11-01T09:30:00Z, 2026-11-01 or 22:00",
    lambda wanted: bound_of(wanted) is not None,
)
_A_WINDOW = (
    "hours such as 09:00-17:00, with days and a time zone if needed: Mon-Fri 22:00-06:00 Europe/London",
    lambda wanted: time_windows.window(wanted) is not None,
    time_windows.problem,
)
_A_LIST = (f"a list of at least one and at most {LONGEST_LIST} values", _is_list)
_A_PATTERN = (
    f"a pattern of at most {globs.LONGEST_PATTERN} characters, in which * stands for any of them and ? for one",
    _is_pattern,
)
OPERATORS: dict[str, Operator] = {
    "equals": Operator(),
    "not_equals": Operator(),
    "contains": Operator(*_A_PART),
    "not_contains": Operator(*_A_PART),
    "one_of": Operator(*_A_LIST),
    "greater": Operator(*_A_NUMBER),
    "less": Operator(*_A_NUMBER),
    "matches": Operator(*_A_PATTERN),
    "before": Operator(*_A_TIME),
    "after": Operator(*_A_TIME),
    "within": Operator(*_A_WINDOW),
    "outside": Operator(*_A_WINDOW),
    "exists": Operator("true or false", lambda wanted: isinstance(wanted, bool), filled_in=False),
}
