"""PostgreSQL: all deliveries that wait are stored by one statement, which is a transaction of its own."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import InterfaceError, OperationalError, connection, connections
from psycopg.errors import DeadlockDetected, LockNotAvailable

from core.db.hot import batch as statements
from core.db.postgresql import plans
from workflows.inbox.fast import insert_sql, notifier

# Whoever keeps a row to himself for longer keeps his own deliveries waiting, not everybody's: they go one by one then,
# and what still waits goes the ordinary way.
_LOCK_WITHIN = "200ms"


@contextmanager
def transaction() -> Iterator[Callable[[list[insert_sql.Parameters]], list[bool]]]:
    """Give what stores several: whether each was stored, committed. Raises django.db.Error; then none was."""
    _line()
    yield _commit


def _commit(batch: list[insert_sql.Parameters]) -> list[bool]:
    stored, fires, owed = write(batch)
    if fires:
        notifier.FOR_EVENTS.soon()
    if owed:
        notifier.FOR_HOOKS.soon()
    return stored


def is_of_one(error: Exception) -> bool:
    """Whether the others may fare better without the one that it is about."""
    if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
        return True
    return not isinstance(error, OperationalError | InterfaceError)


def write(batch: list[insert_sql.Parameters]) -> tuple[list[bool], bool, bool]:
    """Whether each was stored, and of them all whether runs may follow and whether hooks are owed something."""
    with statements.run(insert_sql.STORE_ALL, insert_sql.lists(batch)) as cursor:
        found: list[tuple[uuid.UUID, bool, int]] = cursor.fetchall()
    stored, fires, owed = (
        {key for key, _, _ in found},
        any(row[1] for row in found),
        any(row[2] for row in found),
    )
    return [delivery.id in stored for delivery in batch], fires, owed


def _line() -> None:
    """This thread's own connection. Whether it lives is not asked first: who finds out goes the ordinary way."""
    database: Any = connections[connection.alias]
    database.close_if_unusable_or_obsolete()
    new = database.connection is None
    database.ensure_connection()
    database.health_check_done = True
    if new:
        with database.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{_LOCK_WITHIN}'")
        plans.go_by_index(database)
