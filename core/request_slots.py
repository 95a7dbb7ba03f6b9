"""Slots for web requests that wait for a provider: threads always stay free for deliveries, pages and other tenants."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from django.conf import settings

from core import node_slots
from core.db import lending
from core.errors import Problem

# Of this process's threads. Another quarter may stream responses (taskjuice.http.gateway), so a quarter is always free.
MOST = max(1, settings.WEB_THREADS // 2)
MOST_OF_WORKSPACE = max(1, MOST // 2)
# A revocation cannot come again and has to reach the provider while everything else waits for it.
_FOR_REVOCATIONS = MOST // 8
MOST_OF_OTHERS = MOST - _FOR_REVOCATIONS
# A request that is on its way is often answered within this.
_PATIENCE_SECONDS = 1.0
_LOOK_EVERY = 0.02
Of = Literal["workspace", "consent", "revocation"]


class RequestSlots:
    """Counts the requests of a process that wait for a provider, by workspace, and of the node by connection."""

    def __init__(self, connections: node_slots.NodeSlots) -> None:
        self._lock = threading.Lock()
        self._workspaces: Counter[uuid.UUID] = Counter()
        self._node = connections

    @contextmanager
    def slot(self, workspace: uuid.UUID, connection: uuid.UUID) -> Iterator[bool]:
        """Yield whether the request may use the connection now, and wait for the provider."""
        with self.thread(workspace) as may_wait:
            if not may_wait:
                yield False
                return
            with self.connection(connection) as free:
                yield free

    @contextmanager
    def in_turn(self, workspace: uuid.UUID, connection: uuid.UUID, patience: float) -> Iterator[None]:
        """Wait up to `patience` seconds for a slot, in a thread that is counted elsewhere. Raises Problem (busy)."""
        until = time.monotonic() + patience
        while True:
            with self.slot(workspace, connection) as free:
                if free:
                    yield
                    return
            if time.monotonic() > until:
                raise busy()
            lending.give_back()
            time.sleep(_LOOK_EVERY)

    @contextmanager
    def thread(self, workspace: uuid.UUID, *, of: Of = "workspace") -> Iterator[bool]:
        """Yield whether the request may keep its thread waiting.

        of: a workspace; a consent, which its workspace's bound does not refuse, because its code is good once; a
        revocation, which may use the slots kept for revocations, too.
        """
        with self._lock:
            room = self._workspaces.total() < (MOST if of == "revocation" else MOST_OF_OTHERS)
            if of == "workspace":
                room = room and self._workspaces[workspace] < MOST_OF_WORKSPACE
            if room:
                self._workspaces[workspace] += 1
        try:
            yield room
        finally:
            if room:
                self._leave(workspace)

    @contextmanager
    def connection(self, connection: uuid.UUID) -> Iterator[bool]:
        """Yield whether the connection has a slot, after waiting a moment for it."""
        key, until = str(connection), time.monotonic() + _PATIENCE_SECONDS
        while (held := self._node.take(key, node_slots.OF_WEB)) is None and time.monotonic() < until:
            lending.give_back()
            time.sleep(_LOOK_EVERY)
        try:
            yield held is not None
        finally:
            if held is not None:
                self._node.give_back(held)

    def _leave(self, workspace: uuid.UUID) -> None:
        with self._lock:
            self._workspaces[workspace] -= 1
            if not self._workspaces[workspace]:
                del self._workspaces[workspace]


_requests = RequestSlots(node_slots.of_connections())
provider_slot = _requests.slot
provider_turn = _requests.in_turn
thread_slot = _requests.thread
connection_slot = _requests.connection


def busy() -> Problem:
    """The answer to a request that got no slot and cannot be left to the workers."""
    return Problem(
        "busy",
        "Too many requests are waiting for a provider. Try again in a moment.",
        status=503,
        retryable=True,
        retry_after=2,
    )
