"""The table of operators and kinds of values: in each cell when the operator holds, in words and as a function."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from typing import Any

from core.text.folding import fold
from workflows.conditions.comparisons.equality import equal
from workflows.conditions.comparisons.kinds import Kind, kind_of, plain_values, written
from workflows.conditions.comparisons.numbers import number
from workflows.conditions.wanted import Wanted
from workflows.expressions import globs
from workflows.formatting.datetimes import moment

_MOST_MATCHED = 100


@dataclass(frozen=True)
class Cell:
    """An operator's rule for values of one kind. holds(actual, wanted)."""

    words: str
    holds: Callable[[Any, Wanted], bool]


NEVER = Cell("never", lambda actual, wanted: False)
_ALWAYS = Cell("always", lambda actual, wanted: True)
Cells = dict[Kind, Cell]


def _row(**cells: Cell) -> Cells:
    """A row of the table; what is not named never holds. What is missing or null satisfies nothing positive."""
    return {kind: cells.get(kind.name.lower(), NEVER) for kind in Kind}


def _not(cells: Cells) -> Cells:
    """The row that holds exactly where the other does not."""
    words = {"never": "always", "always": "never"}
    return {
        kind: Cell(words.get(cell.words, f"unless {cell.words}"), _opposite(cell))
        for kind, cell in cells.items()
    }


def _opposite(cell: Cell) -> Callable[[Any, Wanted], bool]:
    return lambda actual, wanted: not cell.holds(actual, wanted)


def _equal(actual: Any, wanted: Wanted) -> bool:
    return equal(actual, wanted.keys)


def _has(actual: Any, wanted: Wanted) -> bool:
    texts = [fold(written(value)) for value in plain_values(actual)]
    return any(part in text for text in texts for part in wanted.parts)


def _matches(actual: Any, wanted: Wanted) -> bool:
    """Wildcards, see workflows.expressions.globs. Many values share what one may be long, so that they cost no more."""
    found = [value for value in plain_values(actual) if not isinstance(value, bool)][:_MOST_MATCHED]
    texts = [written(value) for value in found]
    most = globs.LONGEST_TEXT
    if sum(map(len, texts)) > most:
        texts = [text[: most // len(texts)] for text in texts]
    return any(globs.matches(text, pattern) for text in texts for pattern in wanted.patterns)


def _amounts(test: Callable[[Any, Any], bool]) -> Cell:
    def holds(actual: Any, wanted: Wanted) -> bool:
        found, bound = number(actual), wanted.amount
        return found is not None and bound is not None and test(found, bound)

    return Cell("as numbers", holds)


def _moments(test: Callable[[Any, Any], bool]) -> Cell:
    """Compares instants; where only a time of day is wanted (22:00), the times of day in that zone."""

    def holds(actual: Any, wanted: Wanted) -> bool:
        found, bound = moment(actual), wanted.bound
        if found is None or bound is None:
            return False
        if isinstance(bound, time):
            try:
                return test(found.astimezone(bound.tzinfo).timetz(), bound)
            except OverflowError:  # the first and the last day that there are
                return False
        return test(found, bound)

    return Cell("as moments", holds)


def _hours(*, inside: bool) -> Cell:
    """Compare moments only: anything else lies neither inside nor outside."""

    def holds(actual: Any, wanted: Wanted) -> bool:
        found, window = moment(actual), wanted.window
        return found is not None and window is not None and window.has(found) is inside

    return Cell("as moments", holds)


_NUMBERS = {"greater": lambda actual, wanted: actual > wanted, "less": lambda actual, wanted: actual < wanted}
_TIMES = {"before": _NUMBERS["less"], "after": _NUMBERS["greater"]}
_EQUAL = _row(
    boolean=Cell("the same", _equal),
    number=Cell("the same number", _equal),
    text=Cell("the same text", _equal),
    list=Cell("an item is equal", _equal),
    objects=Cell("an item’s `summary` or `id` is equal", _equal),
    object=Cell("its `summary` or `id` is equal", _equal),
)
_CONTAINS = _row(
    number=Cell("its digits have it", _has),
    text=Cell("the text has it", _has),
    list=Cell("an item is equal", _equal),
    objects=Cell("an item’s `summary` or `id` is equal", _equal),
    object=Cell("its `summary` or `id` has it", _has),
)
_MATCHES = _row(
    number=Cell("its digits fit", _matches),
    text=Cell("the text fits", _matches),
    list=Cell("an item fits", _matches),
    objects=Cell("an item’s `summary` or `id` fits", _matches),
    object=Cell("its `summary` or `id` fits", _matches),
)
_EXISTS = {kind: NEVER if kind is Kind.NOTHING else _ALWAYS for kind in Kind}
TABLE: dict[str, Cells] = {
    "equals": _EQUAL,
    "not_equals": _not(_EQUAL),
    "contains": _CONTAINS,
    "not_contains": _not(_CONTAINS),
    "one_of": _EQUAL,
    **{name: _row(number=_amounts(test), text=_amounts(test)) for name, test in _NUMBERS.items()},
    "matches": _MATCHES,
    **{name: _row(text=_moments(test)) for name, test in _TIMES.items()},
    "within": _row(text=_hours(inside=True)),
    "outside": _row(text=_hours(inside=False)),
    "exists": _EXISTS,
}
NEGATIVE = {"not_equals": "equals", "not_contains": "contains"}
_ABSENT = _not(_EXISTS)


def holds(operator: str, actual: Any, wanted: Wanted) -> bool:
    """Return whether the operator holds for one value. Nothing but a negative operator holds where either is null."""
    if operator == "exists":
        cells = TABLE[operator] if wanted.value is not False else _ABSENT
        return cells[kind_of(actual)].holds(actual, wanted)
    if wanted.value is None:
        return operator in NEGATIVE
    return TABLE[operator][kind_of(actual)].holds(actual, wanted)


def any_holds(operator: str, values: list[Any], wanted: Wanted) -> bool:
    """The same for what is behind a `*`: whether it holds for any of the values; a negative one for all of them."""
    if not values:
        return holds(operator, None, wanted)
    if positive := NEGATIVE.get(operator):
        return not any_holds(positive, values, wanted)
    # As one list, whose items share what is looked at; else 2,000 long texts would each cost as much as one.
    if operator == "matches":
        return holds(operator, values, wanted)
    return any(holds(operator, value, wanted) for value in values)
