"""Date drill-down that reads the first and the last row of a list, and none of those between."""

from calendar import monthrange
from datetime import date, datetime
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import EmptyResultSet
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone


class Calendar:
    """A stand-in for the query set that Django's date drill-down would read whole, twice.

    It offers every year, month or day between the first and the last row, so that a quiet day leads to an
    empty list. rows: those the staff person may see. params: the request's, which name the period.
    """

    def __init__(self, rows: "QuerySet[Model]", field: str, params: dict[str, Any]) -> None:
        self._rows = rows
        self._field = field
        self._params = params

    def _end(self, order: str) -> datetime | None:
        found: datetime | None = self._rows.order_by(order).values_list(self._field, flat=True).first()
        return None if found is None else timezone.localtime(found)

    def aggregate(self, **wanted: Any) -> dict[str, datetime | None]:
        """{"first", "last"}, as the stock drill-down asks for them."""
        return {"first": self._end(self._field), "last": self._end(f"-{self._field}")}

    def datetimes(self, field: str, kind: str) -> list[date]:
        """The first day of each period. kind: year, month or day."""
        ends = self.aggregate()
        if ends["first"] is None or ends["last"] is None:
            return []
        first, last = ends["first"].date(), ends["last"].date()
        periods = {"year": self._years, "month": self._months, "day": self._days}[kind](first, last)
        begin = {"year": first.replace(month=1, day=1), "month": first.replace(day=1), "day": first}[kind]
        return [day for day in periods if begin <= day <= last]

    def _years(self, first: date, last: date) -> list[date]:
        return [date(year, 1, 1) for year in range(first.year, last.year + 1)]

    def _months(self, first: date, last: date) -> list[date]:
        year = self._asked("year", first.year)
        return [date(year, month, 1) for month in range(1, 13)]

    def _days(self, first: date, last: date) -> list[date]:
        year, month = self._asked("year", first.year), self._asked("month", first.month)
        return [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]

    def _asked(self, part: str, otherwise: int) -> int:
        return int(self._params.get(f"{self._field}__{part}", otherwise))


class SupportList(ChangeList):
    """A list page whose date drill-down stays cheap however long the list is."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        if self.date_hierarchy:
            # From here on only the drill-down looks at it; actions ask get_queryset for theirs.
            self.queryset = Calendar(self.root_queryset, self.date_hierarchy, self.params)

    def get_filters(self, request: HttpRequest) -> Any:
        """Raises IncorrectLookupParameters also for a year that no calendar has, where Django breaks."""
        if any("\0" in text for entry in request.GET.lists() for text in (entry[0], *entry[1])):
            raise IncorrectLookupParameters("PostgreSQL stores no NUL.")
        try:
            return super().get_filters(request)
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Raises IncorrectLookupParameters also for what Django finds out only when it asks the database."""
        rows = super().get_queryset(request, *args, **kwargs)
        try:
            rows.query.get_compiler(rows.db).as_sql()
        except EmptyResultSet:
            return rows.none()
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error
        return rows
