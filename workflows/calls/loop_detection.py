"""Loop detection: find the run whose write caused an event, so that workflows that start each other terminate.

A write stores a trace before it is sent. An event of the same kind about the same object in the same provider account,
near it in time and not by another agent, is its echo; each trace explains one event of a trigger. Traces are looked up
across tenants, because tenants that share a provider account can feed each other; no page or API shows whose they are.
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

# Most events concern an object that no run has written; this query alone costs far less.
_WRITTEN = f"SELECT 1 FROM {Trace._meta.db_table} WHERE account = %s AND subject = %s LIMIT 1"  # noqa: S608 - our own name
# The provider's clock and ours may differ by this much; a write may be at work for so long before it shows.
_SKEW = timedelta(minutes=2)
_WINDOW = timedelta(minutes=10)
# A provider may deliver late (PagerDuty: 48 hours); the time that counts is when it happened.
_KEPT = timedelta(days=3)
_PRUNED_AT_ONCE = 1000


def account_of(connection: Connection) -> str:
    """Return the provider account, the same for every tenant that connected it; "" when it is not known."""
    if not connection.external_account_id:
        return ""
    return f"{connection.provider}/{connection.region}/{connection.external_account_id}"[:200]


def record(call: ActionCall, connection: Connection, effects: list[Effect], run: Run | None) -> None:
    """Store the traces of a step's write before it is sent; a retry renews them.

    run: the run of the step; other calls leave no traces.
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
    """Delete the traces of a write that the provider refused: it causes no event."""
    Trace.objects.filter(call=call).delete()


def cause_of(event: Event) -> Trace | None:
    """Return the latest trace that this event can be the echo of; None when no run caused it."""
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
        at = event.received_at  # the time in an event is not trustworthy
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
    """Return a filter that compares the field only where both sides have a value."""
    return [Q(**{f"{name}__in": ["", value]})] if value else []


def beginning(cause: Trace | None, now: datetime) -> dict[str, Any]:
    """Return the columns of a run started by that cause: its depth, and its end if the chain is too long."""
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
    """Delete traces too old to explain an event. Return how many."""
    old = Trace.objects.filter(last_at__lt=clock.now() - _KEPT).values_list("pk", flat=True)
    deleted, _ = Trace.objects.filter(pk__in=list(old[:_PRUNED_AT_ONCE])).delete()
    return deleted
