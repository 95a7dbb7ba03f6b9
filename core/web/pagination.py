"""Pages of a list, without counting it: a count of a long table costs more than the page itself."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

PAGE = 50
_FURTHEST = 2_000


@dataclass(frozen=True)
class Page:
    """One page: `rows`, its number from 1, whether there is another, and the address without `page=`."""

    rows: list[Any]
    number: int
    has_next: bool
    query: str
    size: int = PAGE

    @property
    def first(self) -> int:
        """The position of the first row in the whole list, from 1."""
        return (self.number - 1) * self.size + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def has_other_pages(self) -> bool:
        return self.has_next or self.number > 1

    @property
    def previous(self) -> int:
        return self.number - 1

    @property
    def next(self) -> int:
        return self.number + 1


def page_of(request: HttpRequest, rows: QuerySet[Any], size: int = PAGE) -> Page:
    """The page of `rows` that `?page=` asks for; the first for anything that is no page number."""
    asked = request.GET.get("page", "")
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 7 else 1
    number = min(max(number, 1), _FURTHEST)
    start = (number - 1) * size
    found = list(rows[start : start + size + 1])
    kept = request.GET.copy()
    kept.pop("page", None)
    query = f"{kept.urlencode()}&" if kept else ""
    return Page(found[:size], number, len(found) > size, query, size)
