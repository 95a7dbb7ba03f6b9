"""Metrics of this app for /metrics, in the process where it happens (core.metrics)."""

import time
from typing import Literal, Self

from prometheus_client import Counter, Histogram

from core.metrics import COUNTED, counter, gauge
from workflows.models import ActionCall, Run

DELIVERIES = counter(
    "taskjuice_deliveries",
    "Deliveries to trigger URLs by verdict; not_stored: 503 returned, the provider resends it",
    "verdict",
    ("accepted", "ignored", "filtered", "duplicate", "held", "refused", "full", "not_stored"),
)
RUNS = counter(
    "taskjuice_runs",
    "Runs that a worker finished, or paused until someone acts",
    "result",
    ("completed", "failed", "paused"),
)
ATTEMPTS = Counter(
    "taskjuice_call_attempts",
    "Attempts of action calls by resulting status",
    ["action", "result"],
    registry=COUNTED,
)
CALL_SECONDS = Histogram(
    "taskjuice_call_seconds",
    "Seconds that one attempt of an action call took, the provider's part included",
    ["action"],
    registry=COUNTED,
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 75.0),
)


IN_FLIGHT = gauge(
    "taskjuice_in_flight",
    "Runs, calls, polls, turns of webhooks and refreshes that worker processes have in flight",
)
PLACES = gauge("taskjuice_in_flight_places", "The most of them that these processes can have in flight")
Moment = Literal["write_ahead", "exchange", "settle"]
MOMENTS: tuple[Moment, ...] = ("write_ahead", "exchange", "settle")
UNDER_WAY = gauge(
    "taskjuice_attempts_under_way",
    "Attempts of action calls by the moment that they are in; exchange: with a provider",
    "moment",
    MOMENTS,
)
MOMENT_SECONDS = Histogram(
    "taskjuice_attempt_seconds",
    "Seconds that one attempt of an action call spent in each of its moments",
    ["moment"],
    registry=COUNTED,
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 75.0),
)
_UNDER_WAY = {moment: UNDER_WAY.labels(moment) for moment in MOMENTS}
_SECONDS = {moment: MOMENT_SECONDS.labels(moment) for moment in MOMENTS}


class Attempted:
    """The time of one attempt, from `with` to its end, by moment. The first moment is to write ahead."""

    def __init__(self) -> None:
        self._spent: dict[Moment, float] = {}
        self._moment: Moment = "write_ahead"

    def __enter__(self) -> Self:
        self._since = time.monotonic()
        _UNDER_WAY[self._moment].inc()
        return self

    def enter(self, moment: Moment) -> None:
        """Begin that moment, which may have been left before."""
        self._leave()
        self._moment = moment
        _UNDER_WAY[moment].inc()

    def _leave(self) -> None:
        _UNDER_WAY[self._moment].dec()
        now = time.monotonic()
        self._spent[self._moment] = self._spent.get(self._moment, 0.0) + now - self._since
        self._since = now

    def __exit__(self, *exc_info: object) -> None:
        self._leave()

    def count(self, call: ActionCall) -> None:
        """Count the attempt, which has ended. call: as it left it."""
        ATTEMPTS.labels(call.action, call.status).inc()
        CALL_SECONDS.labels(call.action).observe(sum(self._spent.values()))
        for moment, seconds in self._spent.items():
            _SECONDS[moment].observe(seconds)


def walked(run: Run) -> None:
    """Count a run that a worker has just let go of, unless it goes on by itself."""
    if run.status in (Run.Status.COMPLETED, Run.Status.FAILED, Run.Status.PAUSED):
        RUNS.labels(run.status).inc()
