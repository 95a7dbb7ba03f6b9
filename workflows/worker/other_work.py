"""Work besides events and their runs: what of it is due, asked in one statement, and how it is begun."""

from collections.abc import Callable, Iterable

from core.db import clock
from core.db.hot.at_time import AtTime, which_find
from workflows.calls import pipeline
from workflows.deadlines import check
from workflows.models import ActionCall, Deadline, Subscription, Watch
from workflows.runs import bulk_replay
from workflows.subscriptions import reconciler
from workflows.triggers import polling

# Begins rows until a time of time.monotonic() where there is room; returns how many, and whether more may be due.
Begin = Callable[[float], tuple[int, bool]]

# What has a thread of its own for each row, because it waits for a provider.
IN_FLIGHT: dict[str, Begin] = {
    "polls": polling.look_due,
    "calls": pipeline.advance_due,
    "webhooks": reconciler.tend_due,
    "deadlines": check.check_due,
}
_REPLAYS = "replays"
_DUE = {
    "polls": AtTime(lambda now: Watch.objects.due(now).values_list("pk")[:1]),
    "calls": AtTime(lambda now: ActionCall.objects.due(now).values_list("pk")[:1]),
    "webhooks": AtTime(lambda now: Subscription.objects.due(now).values_list("pk")[:1]),
    "deadlines": AtTime(lambda now: Deadline.objects.due(now).values_list("pk")[:1]),
    _REPLAYS: AtTime(lambda now: bulk_replay.being_made().values_list("pk")[:1]),
}


def due() -> list[str]:
    """Return the kinds of which something is due."""
    return which_find(_DUE, clock.now())


def do_at_once(kinds: Iterable[str], until: float) -> int:
    """Do what is due of the kinds that need no thread. Return how many things were done."""
    return bulk_replay.advance_due(until) if _REPLAYS in kinds else 0
