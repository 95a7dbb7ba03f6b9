"""Gauges of rows for /metrics, read when they are scraped: the same from every process and machine.

Each figure is one query over what is still open, by the index that the workers use, and on PostgreSQL is given up after
two seconds: watching never adds to the trouble that it is to show.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import Error, connection, transaction
from django.db.models import Count, Min, QuerySet
from prometheus_client.core import GaugeMetricFamily as Family
from prometheus_client.registry import Collector

from connections.models import Connection, Grant, RequestBudget
from core.db import clock
from workflows.models import ActionCall, Event, Heartbeat, HeldDelivery, HookDelivery, Run
from workflows.models.runs import UNFINISHED
from workflows.queue import waiting_counts

log = structlog.get_logger(__name__)

MOST = 10_000
# A machine that was taken away is not missed for ever.
_REMEMBERED = timedelta(days=1)
_MOST_NODES = 100
_IS_UNFINISHED = "status IN ('pending', 'running', 'waiting', 'paused')"
_IS_OPEN = "{}.status IN ('pending', 'running', 'waiting')"


def _count(rows: QuerySet[Any]) -> int:
    return rows.order_by()[:MOST].count()


def _in_words(rows: Any, condition: str) -> Any:
    """With the very words of a partial index, without which SQLite does not take it."""
    # No word of it comes from outside.
    return rows.extra(where=[condition])  # noqa: S610  # nosec B610


def _age(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0


def _events(now: datetime) -> Iterator[Family]:
    queued = Event.objects.filter(status=Event.Status.QUEUED).order_by()
    found = queued.aggregate(count=Count("seq"), oldest=Min("received_at"))
    yield Family("taskjuice_events_queued", "Events whose runs are not created yet", found["count"])
    yield Family(
        "taskjuice_oldest_event_seconds",
        "How long the oldest of them has waited, 0 without any",
        _age(found["oldest"], now),
    )


def _held(now: datetime) -> Iterator[Family]:
    oldest = HeldDelivery.objects.order_by("id").values_list("received_at", flat=True).first()
    what = "Deliveries held until their trigger gets a signing secret, at most 10,000"
    yield Family("taskjuice_held_deliveries", what, _count(HeldDelivery.objects.all()))
    yield Family("taskjuice_oldest_held_seconds", "How long the oldest is held", _age(oldest, now))


def _runs(now: datetime) -> Iterator[Family]:
    groups = _in_words(Run.objects.real(), _IS_UNFINISHED).order_by().values_list("status")
    counts = dict(groups.annotate(Count("seq")))
    unfinished = Family(
        "taskjuice_runs_unfinished",
        "Runs that have not ended, tests of drafts aside, by status",
        labels=["status"],
    )
    for status in UNFINISHED:
        unfinished.add_metric([status], counts.get(status, 0))
    yield unfinished


def _waiting(now: datetime) -> Iterator[Family]:
    runs = Family(
        "taskjuice_runs_waiting",
        "Runs that wait, tests of drafts aside, by reason; of runs that are due 10,000 are looked at",
        labels=["reason"],
    )
    found = waiting_counts.count(now, MOST)
    for reason, count in found.by_reason.items():
        runs.add_metric([reason], count)
    yield runs
    what = (
        "How long a run that could go on has waited for a worker; of runs that are due 10,000 are looked at"
    )
    yield Family("taskjuice_oldest_run_seconds", what, _age(found.oldest_ready, now))


def _calls(now: datetime) -> Iterator[Family]:
    due = _in_words(ActionCall.objects.due(now), _IS_OPEN.format("workflows_actioncall"))
    oldest = due.exclude(status=ActionCall.Status.RUNNING).values_list("next_attempt_at", flat=True).first()
    what = "How long a call of the API or a person has waited for its next attempt beyond its time"
    yield Family("taskjuice_oldest_call_seconds", what, _age(oldest, now))


def _hooks(now: datetime) -> Iterator[Family]:
    waiting = _count(HookDelivery.objects.filter(status=HookDelivery.Status.WAITING))
    yield Family(
        "taskjuice_hook_deliveries_waiting", "Pending messages to outgoing webhooks, at most 10,000", waiting
    )


def _connections(now: datetime) -> Iterator[Family]:
    counts = dict(Connection.objects.order_by().values_list("status").annotate(Count("pk")))
    known = Family(
        "taskjuice_connections", "Connections by status; error: needs reconnecting", labels=["status"]
    )
    for status in Connection.Status.values:
        known.add_metric([status], counts.get(status, 0))
    yield known
    failing = Grant.objects.filter(connection__status=Connection.Status.ACTIVE, failures__gt=0).count()
    yield Family("taskjuice_grants_failing", "Grants whose last refresh failed and is retried", failing)


def _budgets(now: datetime) -> Iterator[Family]:
    found = RequestBudget.objects.all()
    at = now.timestamp()
    states = Family(
        "taskjuice_budgets",
        "Request budgets by state; blocked: rate limited by the provider, exhausted: requests are queued",
        labels=["state"],
    )
    states.add_metric(["blocked"], found.filter(blocked_until__gt=at).count())
    states.add_metric(["exhausted"], found.filter(queued_until__gt=at).count())
    yield states


def _workers(now: datetime) -> Iterator[Family]:
    beats = Heartbeat.objects.order_by("-beat_at").values_list("name", "beat_at")[:_MOST_NODES]
    what = "Seconds since the last heartbeat of a machine’s workers, for a day"
    ages = Family("taskjuice_heartbeat_age_seconds", what, labels=["node"])
    for number, (name, beat_at) in enumerate(beats):
        if number == 0 or now - beat_at < _REMEMBERED:
            ages.add_metric([name], _age(beat_at, now))
    yield ages


_FIGURES: tuple[Callable[[datetime], Iterator[Family]], ...] = (
    _events, _held, _runs, _waiting, _calls, _hooks, _connections, _budgets, _workers,
)  # fmt: skip


class Gauges(Collector):
    """A collector for a prometheus-client registry; what the database does not answer is left out."""

    def collect(self) -> Iterator[Family]:
        now, answered = clock.now(), True
        for figures in _FIGURES:
            try:
                with _in_a_hurry():
                    found = list(figures(now))
            except Error as error:
                log.warning(
                    "figures_missing", figures=figures.__name__.strip("_"), error=type(error).__name__
                )
                answered = False
                continue
            yield from found
        what = "1 if the database answered every query of this page in time"
        yield Family("taskjuice_database_answers", what, int(answered))


def _in_a_hurry() -> AbstractContextManager[Any]:
    """Return a context that bounds queries to two seconds on PostgreSQL; on SQLite readers block no writer."""
    return _at_most_two_seconds() if connection.vendor == "postgresql" else nullcontext()


@contextmanager
def _at_most_two_seconds() -> Iterator[None]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 2000")
        yield
