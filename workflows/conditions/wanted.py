"""The value of a row, read once for all that it is compared with."""

from collections.abc import Hashable
from datetime import datetime, time
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from core.text.folding import fold
from workflows.conditions.comparisons.equality import keys_wanted
from workflows.conditions.comparisons.kinds import plain_values, written
from workflows.conditions.comparisons.numbers import number
from workflows.expressions import time_windows
from workflows.formatting.datetimes import moment, time_of_day

# Each is looked for in each of up to 2,000 texts.
_MOST_PARTS = 100


class Wanted:
    """A value as each operator needs it. value: JSON, None for a field that is missing or null."""

    def __init__(self, value: Any) -> None:
        self.value = value

    @cached_property
    def keys(self) -> frozenset[Hashable]:
        return frozenset(key for value in plain_values(self.value) for key in keys_wanted(value))

    @cached_property
    def parts(self) -> list[str]:
        """The parts to look for in a text. An empty field would be in every text, so it matches none."""
        texts = (fold(written(value)) for value in plain_values(self.value))
        return list(islice(filter(None, texts), _MOST_PARTS))

    @cached_property
    def patterns(self) -> list[str]:
        return [written(value) for value in plain_values(self.value)][:1]

    @cached_property
    def amount(self) -> Decimal | None:
        return number(self.value)

    @cached_property
    def bound(self) -> datetime | time | None:
        return bound_of(self.value)

    @cached_property
    def window(self) -> time_windows.Window | None:
        return time_windows.window(self.value)


def bound_of(value: Any) -> datetime | time | None:
    """Return the moment or the time of day that `value` says."""
    return moment(value) or time_of_day(value)


@lru_cache(maxsize=2048)
def typed(value: str) -> Wanted:
    """Return a text from a definition, kept between events: at most 1,000 characters, as definitions have them."""
    return Wanted(value)
