"""401s with good credentials: a short spell passes, one that lasts ends the connection, and a check heals it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from connections.connecting import health_check
from connections.grants import tokens
from connections.models import AuditEvent, Connection, Grant, NotificationFact
from core.errors import Problem
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, People, incident_event, publish
from tests.support.consent import consented
from workflows import worker
from workflows.calls import lookups, pipeline
from workflows.models import ActionCall, Run, Trigger

pytestmark = pytest.mark.django_db
Deliver = Callable[..., Any]
SPELL: dict[str, Any] = {"kind": "refuse_token"}


@pytest.fixture
def connection(who: People, sandbox: Sandbox) -> Connection:
    return consented(who.alice, who.acme, sandbox)


@pytest.fixture
def run(connection: Connection, sandbox: Sandbox, trigger: Trigger, deliver: Deliver) -> Run:
    """Begun, by the workers, in the middle of a spell."""
    incident = sandbox.incidents.open(
        "PACME01",
        sandbox.person("PACME01"),
        {"type": "incident", "title": "Slow", "service": {"id": "PSVC00"}},
    )
    publish(trigger, connection)
    sandbox.faults.add([SPELL])
    deliver(incident_event(incident=incident["id"]))
    worker.drain()
    return Run.objects.get()


def renewals(sandbox: Sandbox) -> int:
    return sandbox.tokens.renewals["done"]


def go_on(traveller: Any, minutes: float, step: float = 10.0) -> None:
    """The workers at work for so long."""
    for _ in range(round(minutes * 60 / step)):
        traveller.shift(timedelta(seconds=step))
        worker.drain()


def state(connection: Connection) -> str:
    connection.refresh_from_db()
    return connection.status


def test_two_refusals_with_a_renewal_between_do_not_end_it(run: Run, connection: Connection) -> None:
    call = ActionCall.objects.get()

    assert state(connection) == "active"
    assert (run.status, call.status, call.unsure) == ("waiting", "waiting", False)
    assert call.error is not None
    assert (call.error["code"], call.error["retryable"]) == ("access_refused_for_now", True)
    assert call.error["provider_status"] == 401
    assert not NotificationFact.objects.filter(kind="connection_broken").exists()


def test_when_the_spell_is_over_the_run_goes_on_by_itself(
    run: Run, connection: Connection, sandbox: Sandbox
) -> None:
    with time_machine.travel(run.created_at, tick=True) as traveller:
        go_on(traveller, minutes=4)
        assert Run.objects.get().status == "waiting"
        sandbox.faults.clear()
        go_on(traveller, minutes=1.5)

    assert Run.objects.get().status == "completed"
    assert len(sandbox.store.all("note")) == 1
    assert Grant.objects.get().refused_since is None
    assert state(connection) == "active"


def test_a_spell_that_lasts_some_minutes_ends_the_connection_and_the_run_is_parked(
    run: Run, connection: Connection, sandbox: Sandbox
) -> None:
    with time_machine.travel(run.created_at, tick=True) as traveller:
        go_on(traveller, minutes=7)

    assert state(connection) == "error"
    assert Run.objects.get().status == "paused"
    assert NotificationFact.objects.filter(kind="connection_broken").count() == 1
    assert AuditEvent.objects.filter(action="connection.broken").count() == 1
    assert sandbox.store.all("note") == []


def test_a_refused_renewal_ends_it_at_once(run: Run, connection: Connection, sandbox: Sandbox) -> None:
    sandbox.tokens.revoke()

    with time_machine.travel(run.created_at, tick=True) as traveller:
        go_on(traveller, minutes=0.5)

    assert state(connection) == "error"
    assert Run.objects.get().status == "paused"


def test_a_check_asks_although_it_is_broken_heals_it_and_wakes_what_waits(
    run: Run, connection: Connection, sandbox: Sandbox, who: People
) -> None:
    with time_machine.travel(run.created_at, tick=True) as traveller:
        go_on(traveller, minutes=7)
        sandbox.faults.clear()
        before = len(sandbox.requests)
        browser = Client()
        browser.force_login(who.alice, backend="django.contrib.auth.backends.ModelBackend")

        browser.post(reverse("connections:check", args=[connection.pk]))

        assert len(sandbox.requests) > before
        assert state(connection) == "active"
        assert connection.status_reason == ""
        assert not NotificationFact.objects.exists()
        healed = AuditEvent.objects.get(action="connection.healed")
        assert healed.user_id == who.alice.pk
        go_on(traveller, minutes=0.5)

    assert Run.objects.get().status == "completed"
    assert len(sandbox.store.all("note")) == 1


@pytest.mark.parametrize("why", ["refused", "revoked"])
def test_a_check_of_a_broken_one_that_is_refused_leaves_it_broken(
    run: Run, connection: Connection, sandbox: Sandbox, why: str
) -> None:
    with time_machine.travel(run.created_at, tick=True) as traveller:
        go_on(traveller, minutes=7)
        if why == "revoked":
            sandbox.tokens.revoke()
        result = health_check.check(actor=SYSTEM, connection=connection)

    assert (result["healthy"], result["status"]) == (False, "error")
    assert NotificationFact.objects.filter(kind="connection_broken").count() == 1
    assert Run.objects.get().status == "paused"


def test_a_broken_one_is_checked_with_what_it_has_while_the_sign_in_is_away(
    connection: Connection, sandbox: Sandbox
) -> None:
    Connection.objects.update(status="error", status_reason="x")
    sandbox.faults.add([{"kind": "status", "status": 503, "path": "^/oauth/token$"}])

    result = health_check.check(actor=SYSTEM, connection=Connection.objects.get())

    assert (result["healthy"], result["status"]) == (True, "active")


def test_refusals_are_no_storm_of_renewals(connection: Connection, sandbox: Sandbox) -> None:
    sandbox.faults.add([SPELL])
    lookup = lookups.find(connection, "pagerduty/services")
    with time_machine.travel("2026-11-01T10:00:00Z", tick=False) as traveller:
        for query in range(50):
            with pytest.raises(Problem) as raised:
                lookups.choices(actor=SYSTEM, connection=connection, lookup=lookup, query=str(query))
            assert raised.value.code == "access_refused_for_now"
            traveller.shift(1)

    assert 3 <= renewals(sandbox) <= 6


def test_refused_first_attempts_are_no_storm_either(connection: Connection, sandbox: Sandbox) -> None:
    """Each first request is refused, each second one accepted: no spell, and still not a renewal for each."""
    lookup = lookups.find(connection, "pagerduty/services")
    with time_machine.travel("2026-11-01T10:00:00Z", tick=False):
        for query in range(20):
            sandbox.faults.clear()
            sandbox.faults.add([{**SPELL, "times": 1}])
            with suppress(Problem):
                lookups.choices(actor=SYSTEM, connection=connection, lookup=lookup, query=str(query))

    assert renewals(sandbox) == 3


def test_refusals_hours_apart_are_not_one_spell(connection: Connection, sandbox: Sandbox) -> None:
    with time_machine.travel("2026-11-01T10:00:00Z", tick=False) as traveller:
        for _ in range(4):
            traveller.shift(timedelta(hours=1))
            token = tokens.access_token(connection)
            problem = tokens.still_refused(connection, reason="no", refused=token)
            assert (problem.code, problem.retry_after) == ("access_refused_for_now", 5.0)

    assert state(connection) == "active"


def test_a_write_that_was_refused_twice_is_not_taken_for_done(
    connection: Connection, sandbox: Sandbox
) -> None:
    """Nothing was written, so nothing is looked for and no event of it expected."""
    sandbox.faults.add([{**SPELL, "method": "POST"}])
    incident = sandbox.incidents.insert("PACME01", "PSVC00", title="x")
    call = pipeline.call_action(
        actor=SYSTEM,
        connection=connection,
        action_key="pagerduty/create-incident-note",
        data={"from": "dana@acme.example", "incident_id": incident["id"], "content": "x"},
        origin="api",
    )

    assert (call.status, call.unsure, call.settles_at) == ("waiting", False, None)


def test_a_trigger_of_a_healed_connection_is_left_as_it_was(connection: Connection, trigger: Trigger) -> None:
    Connection.objects.filter(pk=connection.pk).update(status="error")

    health_check.check(actor=SYSTEM, connection=Connection.objects.get(pk=connection.pk))

    assert Trigger.objects.get(pk=trigger.pk).status == trigger.status
