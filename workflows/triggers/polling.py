"""Watching: polled triggers look when their time has come, and what they find becomes events.

A look is claimed by compare-and-set on its row and asks without a transaction open. Its end is one transaction: the
row moves, and the events are stored as those of webhooks are. So a crash leaves both or neither, and the next look
finds the same events again, under the same ids.
"""

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from connections.grants import state
from connections.grants.rate_limit import Exhausted
from connections.models import Connection
from core import backoff
from core.db import clock
from core.errors import Problem, in_words
from core.json_sanitize import storable
from workflows import catalog
from workflows.calls import outcomes, provider_access
from workflows.catalog import Look, Poll, ProviderError
from workflows.inbox import store
from workflows.models import Trigger, Watch
from workflows.notifications import facts
from workflows.queue import wakeup

log = structlog.get_logger(__name__)

# Renewed before each request that leaves; a request takes at most 22 seconds (pagerduty_app.client.http.transport).
LEASE = timedelta(seconds=30)
# Of one connection: with a look every five minutes they ask a few dozen times a minute at most.
MOST_WATCHES = 100
_AT_ONCE = 20
_LONGEST_WAIT = 300.0
# So many looks in a row have to fail before people are notified; by then it has lasted for about a minute.
_TOLD_AFTER = 6
# Then events and runs have theirs.
_TURN_SECONDS = 5.0


class Lost(Exception):
    """Another worker, or a change of the trigger, has taken the watch away from this look."""


def begin(trigger: Trigger) -> None:
    """Watch a new polled trigger, in the transaction that makes it. Raises Problem (too_many_watches)."""
    others = Watch.objects.filter(trigger__connection=trigger.connection_id)
    if others.exclude(trigger__status=Trigger.Status.CLOSED).count() >= MOST_WATCHES:
        message = f"A connection has at most {MOST_WATCHES} polling triggers. Delete one first."
        raise Problem("too_many_watches", message, status=409)
    Watch.objects.create(trigger=trigger)
    wakeup.ring()


def restart(trigger: Trigger) -> None:
    """It watches something else from now on; a look under way comes to nothing."""
    Watch.objects.filter(trigger=trigger).delete()
    Watch.objects.create(trigger=trigger)
    wakeup.ring()


def wake(connection: Connection) -> int:
    """Look at once again, because the connection is back. Return how many."""
    watches = Watch.objects.filter(trigger__connection=connection)
    return watches.update(next_look_at=clock.now(), failures=0)


def look_due(until: float) -> int:
    """Make the looks that are due. Return how many were taken up.

    until: `time.monotonic()` after which nothing new is begun. A turn is a few seconds: a provider may be slow.
    """
    taken, until = 0, min(until, time.monotonic() + _TURN_SECONDS)
    for watch in Watch.objects.due(clock.now()).select_related("trigger")[:_AT_ONCE]:
        if time.monotonic() > until:
            break
        holder = _claim(watch)
        if holder is None:
            continue
        taken += 1
        try:
            _look(watch, holder)
        except Lost:
            log.warning("watch_taken_over", trigger=str(watch.pk))
        except Exception:
            # Our own fault: the lease stays, and the wait until the next try grows.
            log.exception("look_broke", trigger=str(watch.pk))
    return taken


def _claim(watch: Watch) -> uuid.UUID | None:
    """Take it up. The failure is counted beforehand, so that a look that kills its worker is made ever more rarely."""
    holder, now = uuid.uuid4(), clock.now()
    failures = watch.failures + 1
    claimed = Watch.objects.filter(
        pk=watch.pk,
        failures=watch.failures,
        next_look_at=watch.next_look_at,
        lease_until=watch.lease_until,
    ).update(
        failures=failures,
        next_look_at=now + timedelta(seconds=backoff.delay(failures)),
        lease_holder=holder,
        lease_until=now + LEASE,
    )
    watch.failures = failures
    return holder if claimed else None


def _look(watch: Watch, holder: uuid.UUID) -> None:
    now = clock.now()
    poll = catalog.polled(watch.trigger.key)
    try:
        if poll is None:
            raise Problem("unknown_trigger", f"The trigger {watch.trigger.key} no longer exists.", status=404)
        look = _ask(poll, watch, now, lambda: _keep(watch, holder))
    except ProviderError as error:
        _fail(watch, holder, outcomes.as_problem(error))
    except Exhausted as spent:
        _fail(watch, holder, provider_access.as_problem(spent))
    except Problem as problem:
        _fail(watch, holder, problem)
    else:
        _settle(watch, holder, look, now, now + poll.every)


def _ask(poll: Poll, watch: Watch, now: datetime, on_request: Callable[[], None]) -> Look:
    """Raises Problem where the connection cannot be used, ProviderError and Exhausted."""
    trigger = watch.trigger
    connection = Connection.objects.select_related("grant", "workspace").get(pk=trigger.connection_id)
    state.check_usable(connection)
    integration = catalog.integration(connection.provider)
    for scope in poll.scopes:
        if not integration.covers(scope, connection.grant.scopes_granted):
            message = (
                f"This connection was not granted {scope}, which this trigger needs. Reconnect and grant it."
            )
            raise Problem("missing_scope", message, status=403, detail={"scope": scope})

    def ask(token: str) -> Look:
        meter = provider_access.Meter(connection, before=on_request, background=True)
        return poll.look(
            provider_access.open_api(connection, token, meter), trigger.options, watch.state, now
        )

    return provider_access.authorised(connection, ask)


def _keep(watch: Watch, holder: uuid.UUID) -> None:
    """Renew the lease before a request. Raise Lost."""
    wakeup.still_alive()
    ours = Watch.objects.filter(pk=watch.pk, lease_holder=holder)
    if not ours.update(lease_until=clock.now() + LEASE):
        raise Lost


@transaction.atomic
def _settle(watch: Watch, holder: uuid.UUID, look: Look, now: datetime, latest: datetime) -> None:
    """Update the watch and store its events in one transaction. Raise Lost."""
    trigger = watch.trigger
    trigger.lock()  # before the watch: the lock order of every change of a trigger
    expected = look.expected_at
    left_out = {"left_out": look.left_out[:300], "left_out_at": now} if look.left_out else {}
    moved = Watch.objects.filter(pk=watch.pk, lease_holder=holder).update(
        state=storable(look.state),
        watched=storable(look.watched)[:200],
        present=storable(look.present)[:300],
        looked_at=now,
        expected_at=expected,
        next_look_at=min(latest, expected) if expected and expected > now else latest,
        lease_holder=None,
        lease_until=None,
        failures=0,
        trouble=None,
        trouble_since=None,
        **left_out,
    )
    if not moved:
        raise Lost
    if look.left_out:
        log.warning("events_left_out", trigger=str(trigger.pk), words=look.left_out)
    if trigger.status != Trigger.Status.CLOSED:
        for body in look.found:
            store.store(trigger, body=body)


def _fail(watch: Watch, holder: uuid.UUID, problem: Problem) -> None:
    """Wait, and say why. What happened meanwhile is found by the next look that succeeds.

    Of a connection that waits to be reconnected people are notified already.
    """
    now, wait = clock.now(), backoff.delay(watch.failures, problem.retry_after)
    if problem.retry_after is None:
        wait = min(wait, _LONGEST_WAIT)
    log.info("look_failed", trigger=str(watch.pk), code=problem.code, failures=watch.failures)
    with transaction.atomic():
        ours = Watch.objects.filter(pk=watch.pk, lease_holder=holder).update(
            next_look_at=now + timedelta(seconds=wait),
            lease_holder=None,
            lease_until=None,
            trouble=storable(problem.as_error()),
            trouble_since=watch.trouble_since or now,
        )
        if ours and watch.failures == _TOLD_AFTER and problem.code != "reconnection_needed":
            facts.trigger_cannot_look(watch.trigger, in_words(storable(problem.as_error())))
