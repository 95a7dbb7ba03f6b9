"""One machine migrates at a time: several may start at the same moment, and after an upgrade usually do."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

# Any number that nothing else on the same database uses for an advisory lock.
LOCK = 7_216_335_084


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other `up` migrates, on any machine; a SQLite file is migrated on one."""
    if connection.vendor != "postgresql":
        with Path(f"{connection.settings_dict['NAME']}.migrating").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
