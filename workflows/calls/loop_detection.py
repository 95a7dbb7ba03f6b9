"""Loop detection: match an event with the write of a run that caused it.

The limits that end chains of runs which start each other are in workflows.runs.chain_limits.

A write stores a trace before it is sent. An event of the same kind about the same object in the same provider account,
near it in time and not by another agent, is its echo; each trace explains one event of a trigger. Traces are looked up
across tenants, because tenants that share a provider account can feed each other; no page or API shows whose they are.
"""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q

from connections import retention_periods
from connections.models import Connection
from core.db import clock
from core.db.hot import prepared
from core.db.hot.batch import Batch
from workflows import catalog
from workflows.catalog import Effect
from workflows.models import ActionCall, Deadline, Event, Run, Trace

# Most events concern an object that no run has written; this query alone costs far less.
_WRITTEN = f"SELECT 1 FROM {Trace._meta.db_table} WHERE account = %s AND subject = %s LIMIT 1"  # noqa: S608 - our own name
# The provider's clock and ours may differ by this much; a write may be at work for so long before it shows.
_SKEW = timedelta(minutes=2)
_WINDOW = timedelta(minutes=10)
_PRUNED_AT_ONCE = 1000


def account_of(connection: Connection) -> str:
    """Return the provider account, the same for every tenant that connected it; "" when it is not known."""
    if not connection.external_account_id:
        return ""
    return f"{connection.provider}/{connection.region}/{connection.external_account_id}"[:200]


def record(
    batch: Batch, call: ActionCall, connection: Connection, effects: list[Effect], run: Run | None
) -> None:
    """Store the traces of a step's write before it is sent, as a part of the batch; a retry renews them.

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
        batch.insert(trace, same=("call", "kind", "subject"), renewed=("last_at",))


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
    with prepared.run(_WRITTEN, (account, subject[:300])) as cursor:
        return cursor.fetchone() is not None


def _trace(account: str, effect: Effect, event: Event) -> Trace | None:
    at = effect.at or event.received_at
    if abs(at - event.received_at) > retention_periods.LOOP_TRACES:
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


def prune() -> int:
    """Delete traces too old to explain an event, unless an open deadline goes back to it. Return how many."""
    waits = Deadline.objects.open().filter(cause=OuterRef("pk"))
    old = Trace.objects.filter(~Exists(waits), last_at__lt=clock.now() - retention_periods.LOOP_TRACES)
    chosen = list(old.values_list("pk", flat=True)[:_PRUNED_AT_ONCE])
    deleted, _ = Trace.objects.filter(pk__in=chosen).delete()
    return deleted
