"""Origins: which run's write an event tells of, so that workflows that start each other come to an end.

A write leaves a trace before it is sent. An event of the same kind about the same thing in the same provider account,
near it in time and not by somebody else, is its echo; each trace explains one event of a trigger. Traces are looked up
across tenants, because those who share a provider account can feed each other; nobody is shown whose they are.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q

from connections.models import Connection
from core.db import clock
from core.db.hot import batch, rows
from core.errors import Problem
from workflows import catalog
from workflows.catalog import Effect
from workflows.models import ActionCall, Event, Run, Trace
from workflows.models.runs import MAX_DEPTH

# Mostly nobody has written anything about what an event tells of; asking that alone costs far less.
_WRITTEN = f"SELECT 1 FROM {Trace._meta.db_table} WHERE account = %s AND subject = %s LIMIT 1"  # noqa: S608 - our own name
# The provider's clock and ours may differ by this much; a write may be at work for so long before it shows.
_SKEW = timedelta(minutes=2)
_WINDOW = timedelta(minutes=10)
# A provider may deliver late (PagerDuty: 48 hours); the time that counts is when it happened.
_KEPT = timedelta(days=3)
_PRUNED_AT_ONCE = 1000


def account_of(connection: Connection) -> str:
    """The provider's account, the same for everybody who connected it; "" when it is not known."""
    if not connection.external_account_id:
        return ""
    return f"{connection.provider}/{connection.region}/{connection.external_account_id}"[:200]


def record(call: ActionCall, connection: Connection, effects: list[Effect], run: Run | None) -> None:
    """Leave the traces of a step's write that is about to be sent; sent again, they last longer.

    run: whose step it is; other calls leave none.
    """
    account = account_of(connection)
    if run is None or not account or not effects:
        return
    now = clock.now()
    for effect in effects:
        trace = Trace(
            account=account,
            subject=effect.subject[:300],
            kind=effect.kind,
            agent=effect.agent[:64],
            proof=effect.proof,
            run=run,
            depth=run.depth,
            call=call,
            first_at=now,
            last_at=now,
        )
        rows.insert(trace, same=("call", "kind", "subject"), renewed=("last_at",))


def forget(call: ActionCall) -> None:
    """The provider has refused the write: no event can tell of it."""
    Trace.objects.filter(call=call).delete()


def cause_of(event: Event) -> Trace | None:
    """The most recent trace that this event can be the echo of; None when a person or somebody else caused it."""
    connection = event.trigger.connection
    account = account_of(connection)
    if event.is_test or not account:
        return None
    effects = catalog.integration(connection.provider).effects_of(event.payload)
    written = {subject for subject in {effect.subject for effect in effects} if _is_written(account, subject)}
    for effect in effects:
        found = _trace(account, effect, event) if effect.subject in written else None
        if found is not None:
            return found
    return None


def _is_written(account: str, subject: str) -> bool:
    with batch.run(_WRITTEN, (account, subject[:300])) as cursor:
        return cursor.fetchone() is not None


def _trace(account: str, effect: Effect, event: Event) -> Trace | None:
    at = effect.at or event.received_at
    if abs(at - event.received_at) > _KEPT:
        at = event.received_at  # what an event says of its time can be anything
    explained = Event.objects.filter(trigger=event.trigger_id, cause=OuterRef("pk"))
    traces = Trace.objects.filter(
        *_same("proof", effect.proof),
        *_same("agent", effect.agent),
        ~Exists(explained),
        account=account,
        subject=effect.subject[:300],
        kind=effect.kind,
        first_at__lte=at + _SKEW,
        last_at__gte=at - _WINDOW,
    )
    return traces.order_by("-last_at", "-pk").first()


def _same(name: str, value: str) -> list[Q]:
    """Only what both sides know can differ."""
    return [Q(**{f"{name}__in": ["", value]})] if value else []


def beginning(cause: Trace | None, now: datetime) -> dict[str, Any]:
    """The columns of a run that an event with that cause starts: its depth, and its end where the chain is over."""
    if cause is None:
        return {}
    depth = cause.depth + 1
    if depth <= MAX_DEPTH:
        return {"depth": depth, "origin_id": cause.run_id}
    problem = Problem(
        "chain_too_long",
        f"Not started: this event was caused by a chain of {depth} workflow runs. Chains end after {MAX_DEPTH} "
        "to prevent loops. Manual changes still start this workflow.",
        status=409,
        detail={"limit": MAX_DEPTH},
    )
    return {
        "depth": MAX_DEPTH,
        "origin_id": cause.run_id,
        "status": "cancelled",
        "error": problem.as_error(),
        "finished_at": now,
    }


def prune() -> int:
    """Delete traces that no event can tell of any more. Return how many."""
    old = Trace.objects.filter(last_at__lt=clock.now() - _KEPT).values_list("pk", flat=True)
    deleted, _ = Trace.objects.filter(pk__in=list(old[:_PRUNED_AT_ONCE])).delete()
    return deleted
