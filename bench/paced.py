"""Requests at a steady rate, whether earlier ones were answered or not, in a thread beside others."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from requests.adapters import HTTPAdapter

_AT_ONCE = 64
_PATIENCE = 60.0


class Paced(threading.Thread):
    """A stream of requests. of: returns the keyword arguments of the nth one for requests.Session.request.

    waits: seconds from the moment when each was due. statuses: of each; 0 where none came.
    """

    def __init__(self, per_second: float, seconds: float, of: Callable[[int], dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self._per_second, self._number, self._of = per_second, round(per_second * seconds), of
        self.waits: list[float] = []
        self.statuses: list[int] = []
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.mount("http://", HTTPAdapter(pool_maxsize=_AT_ONCE))

    def run(self) -> None:
        begin = time.monotonic()
        with ThreadPoolExecutor(_AT_ONCE) as senders:
            for number in range(self._number):
                due = begin + number / self._per_second
                time.sleep(max(0.0, due - time.monotonic()))
                senders.submit(self._send, number, due)

    def _send(self, number: int, due: float) -> None:
        try:
            answer = self.http.request(**self._of(number), timeout=_PATIENCE)
            status = answer.status_code
        except requests.RequestException:
            status = 0
        self.waits.append(time.monotonic() - due)
        self.statuses.append(status)

    def other_than(self, *statuses: int) -> int:
        """Return how many were answered otherwise, or not at all."""
        return self._number - sum(status in statuses for status in self.statuses)
