"""Leases: each kind of leased row is claimed by one worker at a time, and written by the holder of its lease only."""

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model

from connections.grants.refresh import GrantLease
from core.db import clock, lending
from core.db.hot.leases import PreparedLease
from core.db.leases import FREE_SQL, RELEASED, Lease, LeaseLost, free, held
from tests.factories import incident_event
from tests.support.present import present
from workflows.calls.leases import CallLease
from workflows.deadlines.begin_end import cancel
from workflows.deadlines.check import DeadlineLease
from workflows.engine.leases import EventLease, RunLease
from workflows.inbox import store
from workflows.models import (
    ActionCall,
    Deadline,
    Event,
    Hook,
    HookDelivery,
    Run,
    Subscription,
    Trigger,
    Watch,
    Workflow,
)
from workflows.outgoing.attempt import MessageLease
from workflows.queue.turns import TurnLease
from workflows.subscriptions.lease import SubscriptionLease
from workflows.triggers.polling import WatchLease

pytestmark = pytest.mark.django_db
AnyLease = Lease[Any]


def event_of(trigger: Trigger) -> Event:
    store.store(trigger, body=json.dumps(incident_event()).encode())
    return Event.objects.get()


def message_of(trigger: Trigger) -> HookDelivery:
    event = event_of(trigger)
    hook = Hook.objects.create(workspace=trigger.workspace, url="https://hooks.example/x")
    return HookDelivery.objects.create(
        hook=hook, workspace=trigger.workspace, event=event, kind="event", lane="P1"
    )


def run_of(trigger: Trigger) -> Run:
    workflow = Workflow.objects.get()
    return Run.objects.create(
        workspace=trigger.workspace,
        workflow=workflow,
        version=workflow.live,
        event=event_of(trigger),
        lane="P1",
    )


def call_of(trigger: Trigger) -> ActionCall:
    return ActionCall.objects.create(
        workspace=trigger.workspace, connection=trigger.connection, action="x/y", origin="api", input={}
    )


def deadline_of(trigger: Trigger) -> Deadline:
    now = clock.now()
    return Deadline.objects.create(
        trigger=trigger,
        subject="P1",
        since=now - timedelta(minutes=1),
        due_at=now,
        told_at=now,
        next_attempt_at=now,
    )


KINDS: dict[type[AnyLease], tuple[Callable[[Trigger], Model], dict[str, Any]]] = {
    EventLease: (event_of, {"error": "late"}),
    RunLease: (run_of, {"position": 7}),
    CallLease: (call_of, {"output": {"late": True}}),
    GrantLease: (lambda trigger: trigger.connection.grant, {"failures": 7}),
    SubscriptionLease: (lambda trigger: Subscription.objects.create(trigger=trigger), {"pings": 7}),
    WatchLease: (lambda trigger: Watch.objects.create(trigger=trigger), {"present": "late"}),
    DeadlineLease: (deadline_of, {"reason": "late"}),
    MessageLease: (message_of, {"tries": ["late"]}),
}


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[AnyLease]:
    chosen: type[AnyLease] = request.param
    return chosen


@pytest.fixture
def row(kind: type[AnyLease], trigger: Trigger, note_workflow: Workflow) -> Any:
    return KINDS[kind][0](trigger)


def stored(row: Any) -> dict[str, Any]:
    return type(row).objects.filter(pk=row.pk).values().get()  # type: ignore[no-any-return]


def read(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)


def expire(row: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(lease_until=clock.now() - timedelta(seconds=1))


def kinds_of(base: type[AnyLease]) -> Iterable[type[AnyLease]]:
    for one in base.__subclasses__():
        if one.__module__ != __name__:
            yield one
        yield from kinds_of(one)


def test_every_kind_of_lease_is_tested_here() -> None:
    assert set(kinds_of(Lease)) - {PreparedLease, TurnLease} == set(KINDS)


@pytest.mark.parametrize("kind", [GrantLease, SubscriptionLease, WatchLease, DeadlineLease])
def test_a_lease_outlasts_the_longest_request_and_the_wait_to_store_what_it_brought(
    kind: type[AnyLease],
) -> None:
    longest_request = timedelta(
        seconds=25
    )  # of the identity host, whose last read may begin after 15 seconds
    assert kind.length > longest_request + timedelta(seconds=lending._PATIENCE_SECONDS)


def test_of_two_workers_that_saw_a_free_row_one_gets_it(kind: type[AnyLease], row: Any) -> None:
    first, second = read(row), read(row)

    assert kind.claim(first) is not None
    taken = stored(row)

    assert kind.claim(second) is None
    assert kind.claim(read(row)) is None, "not even one that sees it as it is now"
    assert stored(row) == taken


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not GrantLease], indirect=True)
def test_an_attempt_is_counted_before_its_work(kind: type[AnyLease], row: Any) -> None:
    before = getattr(row, kind.counter)

    for count in (1, 2):
        assert kind.claim(read(row)) is not None
        assert stored(row)[kind.counter] == before + count
        expire(row)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.counter], indirect=True)
def test_rows_that_a_crash_left_at_one_moment_do_not_come_back_at_one_moment_again(
    kind: type[AnyLease], row: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    drawn = iter([0.0, 0.25, 0.75])
    monkeypatch.setattr("core.db.leases.random.random", lambda: next(drawn))
    lengths = []
    for _ in range(3):
        lease = present(kind.claim(read(row)))
        lengths.append((stored(row)["lease_until"] - now) / kind.length)
        expire(row)
    lease.renew()

    assert lengths == pytest.approx([1, 1, 1.25])
    assert (stored(row)["lease_until"] - now) / kind.length == pytest.approx(1.75)


def test_a_row_whose_lease_expired_is_taken_over_and_its_old_holder_writes_nothing(
    kind: type[AnyLease], row: Any
) -> None:
    old = present(kind.claim(read(row)))
    expire(row)
    new = present(kind.claim(read(row)))
    after = stored(row)
    late = KINDS[kind][1]

    for act in (old.renew, old.release, old.write):
        with pytest.raises(LeaseLost) as lost:
            act(**late)
        assert lost.value.row is old.row
        assert stored(row) == after

    new.write(**late)
    assert stored(row) == after | late


def test_a_holder_renews_and_releases_and_then_is_none(kind: type[AnyLease], row: Any) -> None:
    lease = present(kind.claim(read(row)))
    expire(row)

    lease.renew()
    until = stored(row)["lease_until"]
    assert timedelta(seconds=-5) < until - clock.now() - kind.length < timedelta(seconds=5)
    assert kind.claim(read(row)) is None

    lease.release()
    assert stored(row)["lease_until"] is None
    assert stored(row).get("lease_holder") is None
    assert kind.claim(read(row)) is not None
    with pytest.raises(LeaseLost):
        lease.renew()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "status" in kind.held], indirect=True)
def test_a_row_that_has_ended_is_written_no_more(kind: type[AnyLease], row: Any) -> None:
    lease = present(kind.claim(read(row)))
    ended = {Event: "failed", HookDelivery: "dead", Subscription: "removing"}.get(type(row), "cancelled")
    if isinstance(row, Deadline):
        cancel(Deadline.objects.filter(pk=row.pk), "Over.")
    else:
        type(row).objects.filter(pk=row.pk).update(status=ended)
    after = stored(row)

    with pytest.raises(LeaseLost):
        lease.write(**KINDS[kind][1])
    assert stored(row) == after


@pytest.mark.parametrize("kind", [EventLease, RunLease, CallLease], indirect=True)
def test_prepared_sql_leaves_the_same_row_as_the_orm(kind: type[AnyLease], row: Any) -> None:
    left = []
    for base in (Lease, PreparedLease):
        row.save()
        names = ("length", "counter", "seen", "held")
        same: type[AnyLease] = type("Same", (base,), {name: getattr(kind, name) for name in names})
        lease = present(same.claim(read(row)))
        left.append([_without_lease(row)])
        lease.write(**KINDS[kind][1])
        lease.release()
        left[-1] += [_without_lease(row), vars(lease.row)["lease_until"]]
    assert left[0] == left[1]


def _without_lease(row: Any) -> dict[str, Any]:
    return {name: value for name, value in stored(row).items() if name not in RELEASED}


def test_free_says_the_same_in_sql_and_in_django(trigger: Trigger) -> None:
    now = clock.now()
    for seconds in (None, -1, 0, 1):
        until = None if seconds is None else now + timedelta(seconds=seconds)
        store.store(trigger, body=json.dumps(incident_event(incident=f"P{seconds}")).encode())
        Event.objects.filter(lane=f"P{seconds}").update(lease_until=until)

    at = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT seq FROM workflows_event WHERE {FREE_SQL}", {"now": at})
        by_sql = {seq for (seq,) in cursor.fetchall()}
    by_django = set(Event.objects.filter(free(now)).values_list("seq", flat=True))
    assert by_sql == by_django
    assert dict(Event.objects.filter(held(now)).values_list("lane", "seq")).keys() == {"P0", "P1"}
    assert by_django | set(Event.objects.filter(held(now)).values_list("seq", flat=True)) == set(
        Event.objects.values_list("seq", flat=True)
    )
