"""Health: one verdict on each thing, asked by every page, badge, admin and the API.

This app knows nothing of calls and runs, so the app above registers the judge of each model.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from core.web import statuses


@dataclass(frozen=True)
class Health:
    """state: for programs. words: one or two, for a badge. reason: a sentence. tone: good, warn, bad or off.

    at: when what it goes by happened.
    """

    state: str
    words: str
    tone: str
    reason: str = ""
    at: datetime | None = None

    @classmethod
    def known(cls, kind: str, state: str, reason: str = "", at: datetime | None = None) -> "Health":
        """Return a verdict with the words and the tone that `statuses` has for this state of this kind."""
        words, tone = statuses.find(kind, state)
        return cls(state, words, tone, reason, at)

    @property
    def in_words(self) -> str:
        return f"{self.words}: {self.reason}" if self.reason else self.words


UNKNOWN = Health("unknown", "Unknown", "off")
# Takes rows, answers a verdict by primary key, with a number of queries that does not grow with the rows.
Judge = Callable[[list[Any]], dict[Any, Health]]
_judges: dict[type[Model], Judge] = {}


def register(model: type[Model], judge: Judge) -> None:
    _judges[model] = judge


def of_all(rows: Iterable[Model]) -> dict[Any, Health]:
    """The health of each of these rows, all of one model, by primary key."""
    found = list(rows)
    return _judges[type(found[0])](found) if found else {}


def of(row: Model) -> Health:
    return of_all([row]).get(row.pk, UNKNOWN)


def beside(rows: Iterable[Any]) -> list[tuple[Any, Health]]:
    """Each row with its health, in the same order, for a list."""
    found = list(rows)
    healths = of_all(found)
    return [(row, healths.get(row.pk, UNKNOWN)) for row in found]
