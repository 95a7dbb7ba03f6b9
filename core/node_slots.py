"""Slots that the processes of a node share: at most so many of them are held at once for each key.

A slot is a lock on one byte of a file, which the kernel lets go of however its process ends; so nothing is to be
cleaned up after kill -9. `manage.py up` names the file. Where none is named, a process counts for itself alone.
"""

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterable
from functools import cache

FILE = "NODE_SLOTS_FILE"
# Pieces of work that use one connection to a provider at once. With 0.3 s a request they make 2,000 requests a minute,
# more than providers allow (PagerDuty: 960 for each user and app; developer docs, rate limits).
PER_CONNECTION = 10
# The numbers of those that web processes take, and workers, in this order: they begin at opposite ends, so that either
# side has some to itself (two, and six), and only those between are had by the one that comes first.
OF_WEB = range(4)
OF_WORKERS = range(PER_CONNECTION - 1, 1, -1)
# Keys are spread over so many places of the file, which stays empty; two that meet share their slots.
_PLACES = 2**40


class NodeSlots:
    """`each` slots for each key. path: of the file; None: this process has them for itself."""

    def __init__(self, path: str | None, each: int) -> None:
        self._path = path
        self._each = each
        self._lock = threading.Lock()
        self._held: set[int] = set()  # a process does not refuse itself a lock that it has already
        self._file: int | None = None

    def take(self, key: str, among: Iterable[int]) -> int | None:
        """Take a slot of the key that no process holds and return it; None if there is none.

        among: numbers below `each`, the first of which that is free is taken.
        """
        digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
        first = int.from_bytes(digest) % _PLACES * self._each
        with self._lock:
            for slot in (first + number for number in among):
                if slot not in self._held and self._locked(slot):
                    self._held.add(slot)
                    return slot
        return None

    def give_back(self, slot: int) -> None:
        """Let others have the slot."""
        with self._lock:
            self._held.discard(slot)
            if self._file is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, slot)

    def _locked(self, slot: int) -> bool:
        if self._path is None:
            return True
        if self._file is None:
            # Never closed: a process that closes any descriptor of a file loses its locks on it.
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, slot)
        except BlockingIOError:
            return False
        return True


@cache
def of_connections() -> NodeSlots:
    """Return the slots of connections to providers, by the connection's key."""
    return NodeSlots(os.environ.get(FILE), PER_CONNECTION)
