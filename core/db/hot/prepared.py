"""Run SQL that is always the same: PostgreSQL keeps it prepared, so it is parsed and planned once a connection."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.utils import CursorWrapper


def run(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> CursorWrapper:
    """Return the cursor that has run the statement; the caller closes it.

    sql: one of a bounded number of texts, because each is kept by every connection. Raise django.db.Error.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    cursor: CursorWrapper = (
        database.prepared_cursor() if database.vendor == "postgresql" else database.cursor()
    )
    cursor.execute(sql, parameters)
    return cursor


@cache
def vendor() -> str:
    return connections[DEFAULT_DB_ALIAS].vendor
