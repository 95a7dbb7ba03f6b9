"""Watching: polled triggers look when their time has come, and what they find becomes events.

A look is claimed by compare-and-set on its row and asks without a transaction open. Its end is one transaction: the
row moves, and the events are stored as those of webhooks are. So a crash leaves both or neither, and the next look
begins from the same state again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from connections.grants.request_budget import Exhausted
from connections.models import Connection
from core import backoff
from core.db import clock
from core.db.leases import LeaseLost
from core.errors import Problem, in_words
from core.text.json_sanitize import storable
from workflows import catalog
from workflows.calls import problems, provider_access
from workflows.catalog import Look, Poll, ProviderError
from workflows.inbox import store
from workflows.models import Trigger, Watch
from workflows.notifications import facts
from workflows.queue import due_work, wakeup
from workflows.queue.turns import TurnLease

log = structlog.get_logger(__name__)

# Of one connection: with a look every five minutes they ask a few dozen times a minute at most.
MOST_WATCHES = 100
_AT_ONCE = 20
_LONGEST_WAIT = 300.0
# So many looks in a row have to fail before people are notified; by then it has lasted for about a minute.
_TOLD_AFTER = 6


class WatchLease(TurnLease[Watch]):
    """A watch claimed for one look. A look counts as failed until it has succeeded."""

    counter = "failures"
    seen = ("next_look_at",)
    held = ("lease_holder",)


def begin(trigger: Trigger) -> None:
    """Watch a new polled trigger, in the transaction that makes it. Raises Problem (too_many_watches)."""
    others = Watch.objects.filter(trigger__connection=trigger.connection_id)
    if others.exclude(trigger__status=Trigger.Status.CLOSED).count() >= MOST_WATCHES:
        message = f"A connection has at most {MOST_WATCHES} polling triggers. Delete one first."
        raise Problem("too_many_watches", message, status=409)
    Watch.objects.create(trigger=trigger)
    wakeup.wake_workers()


def restart(trigger: Trigger) -> None:
    """Restart the watch with new options; a poll in progress is discarded."""
    Watch.objects.filter(trigger=trigger).delete()
    Watch.objects.create(trigger=trigger)
    wakeup.wake_workers()


def wake(connection: Connection) -> int:
    """Look at once again, because the connection is back. Return how many."""
    watches = Watch.objects.filter(trigger__connection=connection)
    return watches.update(next_look_at=clock.now(), failures=0)


def look_due(until: float) -> tuple[int, bool]:
    """Begin the looks that are due where there is room; see due_work.begin."""
    return due_work.begin(
        Watch.objects.due(clock.now()).select_related("trigger"),
        connection="trigger__connection",
        place_of=lambda watch: (watch.trigger.workspace_id, watch.trigger.connection_id),
        claim=_claim,
        work=_look_in_background,
        until=until,
        limit=_AT_ONCE,
    )


def _claim(watch: Watch) -> WatchLease | None:
    """Claim a look. Waits grow beforehand, so that a look that kills its worker is made ever more rarely."""
    wait = timedelta(seconds=backoff.delay(watch.failures + 1))
    return WatchLease.claim(watch, next_look_at=clock.now() + wait)


def _look_in_background(lease: WatchLease) -> None:
    try:
        _look(lease)
    except LeaseLost:
        log.warning("watch_taken_over", trigger=str(lease.row.pk))
    except Exception:
        # Our own fault: the lease stays, and the wait until the next try grows.
        log.exception("look_broke", trigger=str(lease.row.pk))


def _look(lease: WatchLease) -> None:
    watch, now = lease.row, clock.now()
    poll = catalog.polled(watch.trigger.key)
    try:
        if poll is None:
            raise Problem("unknown_trigger", f"The trigger {watch.trigger.key} no longer exists.", status=404)
        look = _ask(poll, watch, now, lease.keep)
    except ProviderError as error:
        _fail(lease, problems.of_provider_error(error))
    except Exhausted as spent:
        _fail(lease, problems.of_spent_budget(spent))
    except Problem as problem:
        _fail(lease, problem)
    else:
        _settle(lease, look, now, now + poll.every)


def _ask(poll: Poll, watch: Watch, now: datetime, on_request: Callable[[], None]) -> Look:
    """Raises Problem where the connection cannot be used, ProviderError and Exhausted."""
    trigger = watch.trigger
    connection = Connection.objects.select_related("grant", "workspace").get(pk=trigger.connection_id)
    provider_access.check_usable(connection, *poll.scopes, needed_by="this trigger")

    def ask(token: str) -> Look:
        meter = provider_access.Meter(connection, before=on_request, background=True)
        return poll.look(
            provider_access.open_api(connection, token, meter), trigger.options, watch.state, now
        )

    return provider_access.authorised(connection, ask)


@transaction.atomic
def _settle(lease: WatchLease, look: Look, now: datetime, latest: datetime) -> None:
    """Update the watch and store its events in one transaction. Raise LeaseLost."""
    trigger = lease.row.trigger
    trigger.lock()  # before the watch: the lock order of every change of a trigger
    expected = look.expected_at
    left_out = {"left_out": look.left_out[:300], "left_out_at": now} if look.left_out else {}
    lease.release(
        state=storable(look.state),
        watched=storable(look.watched)[:200],
        present=storable(look.present)[:300],
        looked_at=now,
        expected_at=expected,
        next_look_at=min(latest, expected) if expected and expected > now else latest,
        failures=0,
        trouble=None,
        trouble_since=None,
        **left_out,
    )
    if look.left_out:
        log.warning("events_left_out", trigger=str(trigger.pk), words=look.left_out)
    if trigger.status != Trigger.Status.CLOSED:
        for body in look.found:
            store.store(trigger, body=body)


def _fail(lease: WatchLease, problem: Problem) -> None:
    """Wait, and say why. Raise LeaseLost. What happened meanwhile is found by the next look that succeeds.

    Of a connection that waits to be reconnected people are notified already.
    """
    watch, now = lease.row, clock.now()
    wait = backoff.delay(watch.failures, problem.retry_after)
    if problem.retry_after is None:
        wait = min(wait, _LONGEST_WAIT)
    log.info("look_failed", trigger=str(watch.pk), code=problem.code, failures=watch.failures)
    with transaction.atomic():
        lease.release(
            next_look_at=now + timedelta(seconds=wait),
            trouble=storable(problem.as_error()),
            trouble_since=watch.trouble_since or now,
        )
        if watch.failures == _TOLD_AFTER and problem.code != "reconnection_needed":
            facts.trigger_cannot_look(watch.trigger, in_words(storable(problem.as_error())))
