"""PostgreSQL: one statement, which is its own transaction, stores all waiting deliveries."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import InterfaceError, OperationalError, connection, connections
from psycopg.errors import DeadlockDetected, LockNotAvailable

from core.db.hot import prepared
from core.db.postgresql import plans
from workflows.inbox.fast import insert_sql, notifier

# If a trigger row stays locked longer than this, the batch fails and is retried one delivery at a time, so only that
# trigger's deliveries wait. A delivery whose retry fails too takes the ordinary path.
_LOCK_WITHIN = "200ms"


@contextmanager
def transaction() -> Iterator[Callable[[list[insert_sql.Parameters]], list[bool]]]:
    """Yield a function that stores and commits a batch; it returns which were stored, or raises django.db.Error."""
    _line()
    yield _commit


def _commit(batch: list[insert_sql.Parameters]) -> list[bool]:
    stored, fires, owed = write(batch)
    if fires:
        notifier.FOR_EVENTS.request()
    if owed:
        notifier.FOR_HOOKS.request()
    return stored


def is_of_one(error: Exception) -> bool:
    """Return whether the error may concern one delivery only, so that the others may succeed without it."""
    if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
        return True
    return not isinstance(error, OperationalError | InterfaceError)


def write(batch: list[insert_sql.Parameters]) -> tuple[list[bool], bool, bool]:
    """Return which deliveries were stored, whether any is queued for runs, and whether any is owed to hooks."""
    with prepared.run(insert_sql.STORE_ALL, insert_sql.lists(batch)) as cursor:
        found: list[tuple[uuid.UUID, bool, int]] = cursor.fetchall()
    stored, fires, owed = (
        {key for key, _, _ in found},
        any(row[1] for row in found),
        any(row[2] for row in found),
    )
    return [delivery.id in stored for delivery in batch], fires, owed


def _line() -> None:
    """Open this thread's connection. No health check: if it is dead, the deliveries take the ordinary path."""
    database: Any = connections[connection.alias]
    database.close_if_unusable_or_obsolete()
    new = database.connection is None
    database.ensure_connection()
    database.health_check_done = True
    if new:
        with database.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{_LOCK_WITHIN}'")
        plans.go_by_index(database)
