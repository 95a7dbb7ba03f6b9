"""Conditions with their values written out, as the conditions of partial indexes are."""

from collections.abc import Sequence

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL


def literally(table: str, column: str, values: Sequence[str]) -> RawSQL:
    """`column IN values`. Of `column IN (?, ?)` SQLite does not see that a partial index holds all such rows, and reads
    the table. values: constants of ours; not within a subquery, where Django gives the table another name.
    """
    among = ", ".join(f"'{value}'" for value in values)
    return RawSQL(f"{table}.{column} IN ({among})", (), output_field=BooleanField())  # noqa: S611  # nosec B611 - our constants
