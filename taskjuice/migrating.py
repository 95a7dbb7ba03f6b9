"""One machine migrates at a time: several may start at the same moment, and after an upgrade usually do."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

# Any number that nothing else on the same database uses for an advisory lock.
LOCK = 7_216_335_084


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other machine migrates. A SQLite file belongs to one machine, which starts once."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
