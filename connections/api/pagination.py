"""Cursor pages of the API: a cursor names the row a page begins behind, by every column of the order.

DRF's own cursor knows one column; rows with an equal value are counted from it, and `previous` loses some of them.
"""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from connections.api.errors import invalid_input

_LONGEST_CURSOR = 500


class Pages(CursorPagination):
    """Pages of 50 rows, at most 200 (`?limit=`), in an order whose last column is unique."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering: tuple[str, ...]

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        """The page that the request asks for. Raises Problem (invalid_input)."""
        size = self._size(request)
        self.address = request.build_absolute_uri()
        cursor = request.query_params.get(self.cursor_query_param)
        backwards, position = self._decoded(cursor, queryset.model) if cursor else (False, [])
        order = [_reversed(column) for column in self.ordering] if backwards else list(self.ordering)
        rows = queryset.order_by(*order)
        if position:
            rows = rows.filter(_behind(order, position))
        found = list(rows[: size + 1])
        more, page = len(found) > size, found[:size]
        self.page = page[::-1] if backwards else page
        came_from = bool(position)
        self.has_next, self.has_previous = (came_from, more) if backwards else (more, came_from)
        return self.page

    def get_next_link(self) -> str | None:
        return self._link(self.page[-1], backwards=False) if self.has_next and self.page else None

    def get_previous_link(self) -> str | None:
        return self._link(self.page[0], backwards=True) if self.has_previous and self.page else None

    def _size(self, request: Request) -> int:
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not asked.isascii() or not asked.isdecimal() or len(asked) > 9 or not int(asked):
            raise invalid_input({"limit": [f"Must be a number from 1 to {self.max_page_size}."]})
        return min(int(asked), self.max_page_size)

    def _link(self, row: Model, *, backwards: bool) -> str:
        values = [getattr(row, column.lstrip("-")) for column in self.ordering]
        texts = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
        said = json.dumps([int(backwards), *texts]).encode()
        return replace_query_param(
            self.address, self.cursor_query_param, base64.urlsafe_b64encode(said).decode().rstrip("=")
        )

    def _decoded(self, cursor: str, model: type[Model]) -> tuple[bool, list[Any]]:
        """Return whether the cursor leads backwards, and the value of each column. Raises Problem (invalid_input)."""
        try:
            if len(cursor) > _LONGEST_CURSOR:
                raise ValueError
            backwards, *texts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            position = [
                model._meta.get_field(column.lstrip("-")).to_python(text)  # type: ignore[union-attr]
                for column, text in zip(self.ordering, texts, strict=True)
                if isinstance(text, str) and "\0" not in text
            ]
            naive = any(isinstance(value, datetime) and value.tzinfo is None for value in position)
            position = [value.astimezone(UTC) if isinstance(value, datetime) else value for value in position]
            beyond = any(isinstance(value, int) and abs(value) >= 2**63 for value in position)
            if len(position) != len(self.ordering) or naive or beyond or None in position:
                raise ValueError
        except (ValueError, OverflowError, TypeError, ValidationError, RecursionError):
            raise invalid_input({"cursor": ["Use the links `next` and `previous`."]}) from None
        return backwards == 1, position


def _reversed(column: str) -> str:
    return column[1:] if column.startswith("-") else f"-{column}"


def _behind(order: list[str], position: list[Any]) -> Q:
    """The filter for rows after `position`; the first column alone bounds what an index has to read."""
    names = [column.lstrip("-") for column in order]
    after = ["lt" if column.startswith("-") else "gt" for column in order]
    found = Q()
    for last in range(len(order)):
        same = dict(zip(names[:last], position[:last], strict=True))
        found |= Q(**same, **{f"{names[last]}__{after[last]}": position[last]})
    return found & Q(**{f"{names[0]}__{after[0]}e": position[0]})
