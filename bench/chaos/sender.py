"""A sender that keeps PagerDuty's delivery rules (developer docs, webhooks v3), its waits shortened.

The time-out is 5 seconds. 429, 5xx and time-outs are retried after a growing wait, while later events of the same
incident wait. Any other 4xx drops the event, and three drops in a row disable the webhook.
"""

import heapq
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from pagerduty_app import signatures

TIMEOUT = 5.0
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 4.0
_DROPPED_IN_A_ROW = 3
_THREADS = 12


@dataclass
class Lane:
    """The events of one incident of one webhook, in order. twice: numbers of events to send again."""

    trigger: str
    url: str
    secret: str
    incident: str
    count: int
    twice: frozenset[int] = frozenset()
    next: int = 0
    again: bool = False
    failures: int = 0

    @property
    def name(self) -> str:
        return f"{self.incident}-{self.next:05}"

    @property
    def title(self) -> str:
        return self.name

    def body(self) -> bytes:
        data = {"id": self.incident, "type": "incident", "title": self.title, "urgency": "high"}
        event = {"id": self.name, "event_type": "incident.triggered", "data": data}
        return json.dumps({"event": event}).encode()

    def went(self) -> None:
        """Note that the event was accepted, and advance to the next one."""
        self.failures = 0
        if self.next in self.twice and not self.again:
            self.again = True
        else:
            self.next, self.again = self.next + 1, False


@dataclass
class Sender:
    """Send lanes from its own threads.

    per_second: the rate of first attempts, over all lanes. ports: further ports of the same product, used in turn.
    """

    lanes: list[Lane]
    per_second: float
    ports: tuple[int, ...] = ()
    statuses: Counter[str] = field(default_factory=Counter)
    accepted: dict[str, float] = field(default_factory=dict)
    slowest: float = 0.0
    disabled: int = 0
    _dropped: Counter[str] = field(default_factory=Counter)
    _queue: list[tuple[float, float, int]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: int = 0

    def start(self) -> None:
        begin, total = time.monotonic(), sum(lane.count for lane in self.lanes)
        chance = random.Random(5)
        self._queue = [(begin + chance.random(), 0.0, number) for number in range(len(self.lanes))]
        heapq.heapify(self._queue)
        self._open = len(self.lanes)
        # Each lane's next event is due by its share of the rate.
        self._apart = len(self.lanes) / self.per_second if total else 0.0
        self._pool = ThreadPoolExecutor(_THREADS)
        self._threads = [self._pool.submit(self._work, number) for number in range(_THREADS)]

    def wait(self) -> None:
        """Wait until every event is accepted or dropped. Raise what a thread raised."""
        for thread in self._threads:
            thread.result()
        self._pool.shutdown()

    @property
    def done(self) -> bool:
        return all(thread.done() for thread in self._threads)

    @property
    def dropped(self) -> int:
        return sum(count for status, count in self.statuses.items() if _drops(status))

    def _work(self, number: int) -> None:
        session = requests.Session()
        session.trust_env = False
        while self._open:
            taken = self._take()
            if taken is None:
                time.sleep(0.01)
                continue
            due, lane = taken
            wait = self._send(session, self.lanes[lane], number)
            with self._lock:
                if self.lanes[lane].next >= self.lanes[lane].count:
                    self._open -= 1
                else:
                    at = time.monotonic() + wait if wait else due + self._apart
                    heapq.heappush(self._queue, (at, random.random(), lane))

    def _take(self) -> tuple[float, int] | None:
        with self._lock:
            if not self._queue or self._queue[0][0] > time.monotonic():
                return None
            due, _, lane = heapq.heappop(self._queue)
            return due, lane

    def _send(self, session: requests.Session, lane: Lane, thread: int) -> float:
        """Make one attempt. Return the seconds until the event's next attempt; 0: continue with the next event."""
        body, name, url = lane.body(), lane.name, lane.url
        if self.ports:
            own = f":{url.split(':')[2].split('/')[0]}/"
            url = url.replace(own, f":{self.ports[random.randrange(len(self.ports))]}/")
        begin = time.monotonic()
        try:
            headers = {"X-PagerDuty-Signature": signatures.sign(body, lane.secret)}
            answer = session.post(url, data=body, headers=headers, timeout=TIMEOUT)
            status = str(answer.status_code)
        except requests.Timeout:
            status = "time-out"
        except requests.RequestException:
            status = "no connection"
        with self._lock:
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self.statuses[status] += 1
            if status.startswith("2"):
                self.accepted.setdefault(name, time.time())
                self._dropped[lane.trigger] = 0
                lane.went()
                return 0.0
            if _drops(status):
                self._dropped[lane.trigger] += 1
                self.disabled += self._dropped[lane.trigger] == _DROPPED_IN_A_ROW
                lane.next, lane.again, lane.failures = lane.next + 1, False, 0
                return 0.0
            lane.failures += 1
        return min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (lane.failures - 1)) * random.uniform(0.7, 1.3)


def _drops(status: str) -> bool:
    return status.startswith("4") and status != "429"


def lanes_of(
    tenants: list[dict[str, Any]], incidents: Iterable[str], events: int, *, twice: float = 0.1
) -> list[Lane]:
    """Distribute events over incidents, and incidents over tenants; send a share of the events twice."""
    names, chance = list(incidents), random.Random(11)
    made = []
    for number, incident in enumerate(names):
        tenant = tenants[number % len(tenants)]
        count = events // len(names) + (number < events % len(names))
        again = frozenset(one for one in range(count) if chance.random() < twice)
        made.append(Lane(tenant["id"], tenant["url"], tenant["secret"], incident, count, again))
    return made
