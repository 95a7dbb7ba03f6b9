"""The sender: one pass over what is due, several hooks at a time, so that a slow one keeps no other waiting.

Only the thread of the pass touches the database; those of the exchanges do nothing but talk to a hook's address.
"""

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from queue import Empty, SimpleQueue

import structlog
from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from core import passes
from core.db import clock, lending
from workflows.models import Hook, HookDelivery, HookSender
from workflows.outgoing import attempt as one
from workflows.outgoing.transport.http import Exchange
from workflows.queue import wakeup

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 16
MOST_OF_ONE_HOOK = 4
_BUDGET = 10.0
_LEASE = timedelta(seconds=30)
_LOOK_EVERY = 0.2


def send_due(budget: float = _BUDGET) -> int:
    """Send what is due; nothing new is begun after `budget` seconds. Return how many attempts were made.

    Call it by workflows.worker.send_hooks, which keeps nothing else waiting.
    """
    with _only_one() as ours:
        if not ours:
            return 0
        return _Pass(time.monotonic() + budget).go()


def anything_due() -> bool:
    """Return whether a delivery is due."""
    return _hooks_due().exists()


def _hooks_due() -> QuerySet[Hook]:
    """Hooks that something can be sent to now; who waited longest for a turn is first."""
    now = clock.now()
    free = Q(held_until__isnull=True) | Q(held_until__lte=now)
    due = HookDelivery.objects.due(now).filter(hook=OuterRef("pk"))
    hooks = Hook.objects.filter(free, Exists(due), status=Hook.Status.ACTIVE, deleted_at__isnull=True)
    return hooks.order_by(F("tried_at").asc(nulls_first=True), "id")


@contextmanager
def _only_one() -> Iterator[bool]:
    """Return whether this process holds the sender's lease. If it dies, another takes over when the lease expires."""
    holder, now = uuid.uuid4(), clock.now()
    row = HookSender.objects.filter(name=settings.NODE_NAME)
    free = Q(until__isnull=True) | Q(until__lt=now)
    ours = row.filter(free).update(holder=holder, until=now + _LEASE)
    if not ours and not row.exists():
        HookSender.objects.bulk_create([HookSender(name=settings.NODE_NAME)], ignore_conflicts=True)
        ours = row.filter(until__isnull=True).update(holder=holder, until=now + _LEASE)
    try:
        yield bool(ours)
    finally:
        if ours:
            row.filter(holder=holder).update(holder=None, until=None)


class _Pass:
    """Exchanges under way, filled up again as they land, until `end` (time.monotonic()) or nothing is due."""

    def __init__(self, end: float) -> None:
        self._end = end
        self._landed: SimpleQueue[Exchange] = SimpleQueue()
        self._under_way: dict[Exchange, one.MessageLease] = {}
        self._tried = 0

    def go(self) -> int:
        while True:
            if time.monotonic() < self._end and not passes.stopping():
                self._take_off()
            if not self._under_way:
                break
            self._land()
        if anything_due():
            wakeup.wake_sender()
        return self._tried

    def _take_off(self) -> None:
        room = MOST_AT_ONCE - len(self._under_way)
        if room <= 0:
            return
        busy = Counter(lease.row.hook_id for lease in self._under_way.values())
        full = [hook for hook, count in busy.items() if count >= MOST_OF_ONE_HOOK]
        for hook in _hooks_due().exclude(pk__in=full)[:room]:
            Hook.objects.filter(pk=hook.pk).update(tried_at=clock.now())
            # One that fails is only asked by one message at a time whether it is well again.
            most = 1 if hook.failing_since else MOST_OF_ONE_HOOK
            due = HookDelivery.objects.due(clock.now()).filter(hook=hook)
            ready = due.select_related("hook", "event").order_by("next_attempt_at", "seq")
            for delivery in ready[: max(0, min(room, most - busy[hook.pk]))]:
                room -= self._send(delivery)

    def _send(self, delivery: HookDelivery) -> int:
        """1 when an exchange has begun."""
        try:
            lease = one.claim(delivery)
            if lease is None:
                return 0
            self._tried += 1
            exchange = one.begin(lease, self._landed)
        except Exception:
            log.exception("hook_not_begun", delivery=str(delivery.id))  # its lease ends, the others go on
            return 0
        if exchange is None:
            return 0
        self._under_way[exchange] = lease
        return 1

    def _land(self) -> None:
        """Wait a moment for an exchange to end, and write down all that have, or whose time is over."""
        lending.give_back()
        try:
            self._settle(self._landed.get(timeout=_LOOK_EVERY))
            while True:
                self._settle(self._landed.get_nowait())
        except Empty:
            for exchange in [late for late in self._under_way if late.overdue]:
                exchange.cut()
                self._settle(exchange)

    def _settle(self, exchange: Exchange) -> None:
        lease = self._under_way.pop(exchange, None)
        if lease is None or exchange.outcome is None:
            return
        try:
            one.settle(lease, exchange.outcome)
        except Exception:
            # It is sent again when its lease has run out; those that landed with it are written down all the same.
            log.exception("hook_not_settled", delivery=str(lease.row.id))
