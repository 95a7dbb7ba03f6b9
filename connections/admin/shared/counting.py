"""Counting that ends: how many rows a list has, up to a bound."""

from functools import cached_property

from django.core.paginator import Paginator
from django.db.models import Model, QuerySet

MOST = 10_000


class AtLeast(int):
    """A number that stands for itself or more, and says so on a page."""

    def __str__(self) -> str:
        return f"{int(self)}+"


def count_up_to(most: int, rows: "QuerySet[Model]") -> int:
    """Return the number of rows; AtLeast(most) if there are more, which the database then does not count."""
    found = rows.order_by()[: most + 1].count()
    return found if found <= most else AtLeast(most)


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages over at most the first MOST rows; what lies beyond is found by searching and filtering."""

    @cached_property
    def count(self) -> int:
        if isinstance(self.object_list, QuerySet):
            return count_up_to(MOST, self.object_list)
        return len(self.object_list)
