"""Time-outs of this process on PostgreSQL. A server that hangs keeps its connections open and never answers.

PostgreSQL's own statement_timeout does not help then: the server would have to look at its clock. Web processes give
up, so that their threads answer 503; workers, migrations and commands wait.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, OperationalError
from psycopg.errors import ConnectionTimeout, _WaitTimeout

# Between two statements of a transaction a process waits for nothing, so after this it has been stopped. Leases last
# longer: who takes its work over must not wait for its locks.
_IDLE_IN_TRANSACTION = "20s"
_MESSAGE = "The database did not answer in time."
_of_process: float | None = None
_of_thread = threading.local()


def for_this_process(seconds: float) -> None:
    """Wait so long for each answer of the database, and for a connection, from here on."""
    global _of_process  # noqa: PLW0603 - said once, when a process begins
    _of_process = seconds


def free_locks(connection: Any, **kwargs: Any) -> None:
    """Have the server end this session, and free its locks, if its process stops in the middle of a transaction.

    A receiver of Django's connection_created.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{_IDLE_IN_TRANSACTION}'")


@contextmanager
def of_one_request(seconds: float | None = None) -> Iterator[None]:
    """In this thread wait so long for all answers together, and for none after one that did not come."""
    outer = getattr(_of_thread, "until", None), getattr(_of_thread, "given_up", False)
    _of_thread.until = None if seconds is None else time.monotonic() + seconds
    _of_thread.given_up = False
    try:
        yield
    finally:
        _of_thread.until, _of_thread.given_up = outer


def left() -> float | None:
    """Seconds that may be waited now; None for any number."""
    if getattr(_of_thread, "given_up", False):
        return 0.0
    until: float | None = getattr(_of_thread, "until", None)
    if until is None:
        return _of_process
    rest = max(0.0, until - time.monotonic())
    return rest if _of_process is None else min(rest, _of_process)


class PatientConnection(Connection[Any]):
    """psycopg's, which waits no longer than that. One that was given up is closed: what it is doing is not known."""

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Any:
        rest = left()
        if rest is None:
            return super().connect(conninfo, **kwargs)
        if rest < 1:
            raise OperationalError(_MESSAGE)
        given = float(kwargs.get("connect_timeout") or rest)
        try:
            return super().connect(conninfo, **kwargs | {"connect_timeout": int(min(given, rest))})
        except ConnectionTimeout:
            _of_thread.given_up = True
            raise

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, left())
        except _WaitTimeout as error:
            _of_thread.given_up = True
            self.pgconn.finish()
            raise OperationalError(_MESSAGE) from error
