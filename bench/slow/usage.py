"""Use of memory, and of connections to PostgreSQL, by the worker processes of a running product."""

import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from bench import processes
from bench.stack import Stack

_EVERY = 0.5


class Usage:
    """The most database connections that one worker process had, seen every half second. A context manager.

    pg_stat_activity does not tell processes of a client apart, so their sockets are counted. 0 on SQLite.
    """

    def __init__(self, stack: Stack) -> None:
        url = urlsplit(stack.env["DATABASE_URL"])
        self._stack = stack
        self._port = 0 if url.scheme.startswith("sqlite") else url.port or 5432
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self.connections = 0

    def __enter__(self) -> Self:
        if self._port:
            self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._port:
            self._watcher.join()
            if error is None and not self.connections:
                raise RuntimeError("no worker process had a TCP connection to the database")

    def megabytes(self) -> float:
        """Return the peak memory of the largest worker process since its start."""
        return max(map(processes.peak_kilobytes, self._members())) / 1024

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self.connections = max(self.connections, *self._counts())

    def _counts(self) -> list[int]:
        return [0, *(processes.connections(pid, self._port) for pid in self._members())]

    def _members(self) -> list[int]:
        return list(processes.of_group(self._stack.child("qcluster")))
