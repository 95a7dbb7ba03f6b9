"""The newest of what refers to each row of a list, by one look into an index for each."""

from typing import Any, TypeVar

from django.db.models import Model, OuterRef, QuerySet

Row = TypeVar("Row", bound=Model)


def newest_of(rows: QuerySet[Row], reference: str) -> QuerySet[Row]:
    """The `rows` whose foreign key `reference` is the outer row, newest first, for a Subquery.

    Its table has an index (reference, seq). As a range: of an equal key PostgreSQL knows only how many rows others
    have on average, and where there is a busy one it looks for the first of a quiet one through all of the table.
    """
    theirs: dict[str, Any] = {f"{reference}__gte": OuterRef("pk"), f"{reference}__lte": OuterRef("pk")}
    return rows.filter(**theirs).order_by(f"-{reference}", "-seq")
