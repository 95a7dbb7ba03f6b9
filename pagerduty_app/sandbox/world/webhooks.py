"""Webhook subscriptions and their deliveries, by PagerDuty's rules (developer docs, webhooks v3).

The time-out is five seconds. 429, 5xx and time-outs are retried for 48 hours. Any other 4xx drops the event, and three
drops in a row disable the subscription for 24 hours. Later events of the same incident wait behind.
"""

import hashlib
import heapq
import hmac
import secrets
import threading
import time
from collections import deque
from typing import Any

import requests

from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
_SECONDS_TO_ANSWER = 5.0
_GIVE_UP_AFTER = 48 * 3600.0
_DISABLED_FOR = 24 * 3600.0
_DROPS_TO_DISABLE = 3
_FIRST_WAIT = 0.5


class Sender:
    """Threads that deliver lanes (subscription and incident) in parallel, each strictly in order."""

    def __init__(self, store: Store, threads: int = 8) -> None:
        self._store = store
        self.longest_wait = 300.0
        self._lanes: dict[str, deque[int]] = {}
        self._ready: list[tuple[float, str]] = []
        self._news = threading.Condition()
        self._stopping = False
        for seq, subscription, lane, due in store.rows(
            "SELECT seq, subscription, lane, due FROM deliveries WHERE state = 'pending' ORDER BY seq"
        ):
            self._enqueue(seq, f"{subscription}/{lane}", due)
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def send(self, subscription: Json, event: bytes, *, event_type: str, lane: str) -> None:
        """Store one delivery and send it at once, or after earlier ones of its lane."""
        now = time.time()
        seq = self._store.run(
            "INSERT INTO deliveries (subscription, lane, event_type, webhook_id, body, state, attempts, created, due)"
            " VALUES (?, ?, ?, ?, ?, 'pending', 0, ?, ?)",
            (subscription["id"], lane, event_type, secrets.token_hex(8), event, now, now),
        )
        with self._news:
            self._enqueue(seq, f"{subscription['id']}/{lane}", now)
            self._news.notify()

    def stop(self) -> None:
        with self._news:
            self._stopping = True
            self._news.notify_all()
        for thread in self._threads:
            thread.join(_SECONDS_TO_ANSWER + 1)

    def forget(self) -> None:
        with self._news:
            self._lanes.clear()
            self._ready.clear()

    def _enqueue(self, seq: int, lane: str, due: float) -> None:
        waiting = self._lanes.setdefault(lane, deque())
        waiting.append(seq)
        if len(waiting) == 1:
            heapq.heappush(self._ready, (due, lane))

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (taken := self._next()) is not None:
                lane, seq = taken
                wait = self._deliver(session, seq)
                with self._news:
                    self._after(lane, seq, wait)
                    self._news.notify()

    def _next(self) -> tuple[str, int] | None:
        with self._news:
            while not self._stopping:
                now = time.time()
                if self._ready and self._ready[0][0] <= now:
                    _, lane = heapq.heappop(self._ready)
                    if self._lanes.get(lane):
                        return lane, self._lanes[lane][0]
                    continue
                self._news.wait(min(self._ready[0][0] - now, 60.0) if self._ready else None)
        return None

    def _after(self, lane: str, seq: int, wait: float | None) -> None:
        """Continue after an attempt. wait: seconds until the retry; None if the delivery is over."""
        waiting = self._lanes.get(lane)
        if not waiting or waiting[0] != seq:
            return
        if wait is None:
            waiting.popleft()
        if waiting:
            heapq.heappush(self._ready, (time.time() + (wait or 0.0), lane))
        else:
            del self._lanes[lane]

    def _deliver(self, session: requests.Session, seq: int) -> float | None:
        found = self._store.rows(
            "SELECT subscription, webhook_id, body, attempts, created FROM deliveries WHERE seq = ?", (seq,)
        )
        if not found:
            return None
        subscription_id, webhook_id, body, attempts, created = found[0]
        subscription = self._store.get("subscription", subscription_id)
        if subscription is None or not is_active(subscription):
            self._note(seq, "lost", attempts, None)
            return None
        status = self._post(session, subscription, webhook_id, body)
        attempts += 1
        if status is not None and 200 <= status < 300:
            self._note(seq, "delivered", attempts, status)
            self._count_drop(subscription_id, dropped=False)
            return None
        if status is not None and status != 429 and status < 500:
            self._note(seq, "dropped", attempts, status)
            self._count_drop(subscription_id, dropped=True)
            return None
        if time.time() - created > _GIVE_UP_AFTER:
            self._note(seq, "dropped", attempts, status)
            return None
        wait: float = min(_FIRST_WAIT * 2 ** (attempts - 1), self.longest_wait)
        self._note(seq, "pending", attempts, status, due=time.time() + wait)
        return wait

    def _post(
        self, session: requests.Session, subscription: Json, webhook_id: str, body: bytes
    ) -> int | None:
        """Return the response's status; None without a response in time."""
        digest = hmac.new(subscription["secret"].encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PagerDuty-Webhook/V3.0",
            "X-PagerDuty-Signature": f"v1={digest}",
            "X-Webhook-Id": webhook_id,
            "X-Webhook-Subscription": subscription["id"],
        }
        try:
            answer = session.post(
                subscription["url"],
                data=body,
                headers=headers,
                timeout=_SECONDS_TO_ANSWER,
                allow_redirects=False,
            )
        except requests.RequestException:
            return None
        return answer.status_code

    def _note(self, seq: int, state: str, attempts: int, status: int | None, due: float = 0.0) -> None:
        self._store.run(
            "UPDATE deliveries SET state = ?, attempts = ?, last_status = ?, due = ? WHERE seq = ?",
            (state, attempts, status, due, seq),
        )

    def _count_drop(self, subscription_id: str, *, dropped: bool) -> None:
        with self._store.transaction():
            subscription = self._store.get("subscription", subscription_id)
            if subscription is None or (not dropped and subscription["drops"] == 0):
                return
            subscription["drops"] = subscription["drops"] + 1 if dropped else 0
            if subscription["drops"] >= _DROPS_TO_DISABLE:
                subscription |= {"drops": 0, "disabled_until": time.time() + _DISABLED_FOR}
            self._store.put("subscription", subscription_id, subscription)


def is_active(subscription: Json) -> bool:
    return bool(subscription["active"]) and time.time() >= subscription["disabled_until"]
