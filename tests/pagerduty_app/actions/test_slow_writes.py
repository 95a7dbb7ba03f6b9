"""PagerDuty is still at work on a write that we have stopped waiting for: one call stays one effect."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.utils import timezone

from connections.models import Connection
from pagerduty_app.client import Api
from pagerduty_app.sandbox.control.faults import WORKS_FOR_SECONDS, Rule
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import DANA, SYSTEM, people
from tests.flows.running import wait_for
from tests.support.consent import consented
from tests.support.present import present
from workflows import worker
from workflows.calls import pipeline
from workflows.models import ActionCall

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
_SLOW = {"kind": "delay", "seconds": 1.0, "method": "POST", "times": 1}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pagerduty_app.client.http.transport._READ_SECONDS", 0.3)


@pytest.fixture
def connection(db: None, sandbox: Sandbox) -> Connection:
    who = people()
    return consented(who.alice, who.acme, sandbox)


@pytest.fixture
def incident(sandbox: Sandbox) -> str:
    return str(sandbox.incidents.insert("PACME01", "PSVC00")["id"])


def act(connection: Connection, action: str, **data: Any) -> ActionCall:
    return pipeline.call_action(
        actor=SYSTEM,
        connection=connection,
        action_key=f"pagerduty/{action}",
        data={"from": DANA, **data},
        origin="api",
    )


def write_note(connection: Connection, incident: str) -> ActionCall:
    return act(connection, "create-incident-note", incident_id=incident, content="Look")


def in_a_moment(call: ActionCall) -> ActionCall:
    """The call after the workers looked at it once more, at once."""
    ActionCall.objects.filter(pk=call.pk).update(next_attempt_at=timezone.now(), lease_until=None)
    worker.drain()
    call.refresh_from_db()
    return call


def when_it_is_due(call: ActionCall) -> ActionCall:
    """The call after everything it waits for has passed."""
    ActionCall.objects.filter(pk=call.pk).update(settles_at=timezone.now())
    return in_a_moment(call)


def notes(sandbox: Sandbox, incident: str) -> list[Any]:
    return sandbox.incidents.notes("PACME01", incident)


def test_a_note_still_being_written_is_waited_for_and_not_written_again(
    connection: Connection, sandbox: Sandbox, incident: str
) -> None:
    sandbox.faults.add([_SLOW | {"path": "/notes$"}])

    call = write_note(connection, incident)
    assert (call.status, present(call.error)["code"]) == ("waiting", "provider_unreachable")
    assert in_a_moment(call).status == "waiting"
    assert call.attempts == 1, "a look that comes too early is no failed attempt"
    sent_at = call.first_sent_at
    assert present(call.next_attempt_at) - present(sent_at) == timedelta(
        seconds=project_settings.PAGERDUTY_SETTLE_SECONDS
    )
    wait_for("PagerDuty to have written it", lambda: notes(sandbox, incident))

    assert when_it_is_due(call).status == "completed"
    assert [row["id"] for row in notes(sandbox, incident)] == [present(call.output)["note"]["id"]]


def test_a_note_that_turns_up_meanwhile_is_taken_at_once(
    connection: Connection, sandbox: Sandbox, incident: str
) -> None:
    sandbox.faults.add([_SLOW | {"path": "/notes$"}])
    call = write_note(connection, incident)
    wait_for("PagerDuty to have written it", lambda: notes(sandbox, incident))

    assert in_a_moment(call).status == "completed"


def test_the_wait_outlives_the_worker_that_sent(
    connection: Connection, sandbox: Sandbox, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Api, "create_note", die)
        with pytest.raises(SystemExit):
            write_note(connection, incident)
    call = ActionCall.objects.get()

    assert in_a_moment(call).status == "waiting"
    assert notes(sandbox, incident) == []
    assert when_it_is_due(call).status == "completed"
    assert len(notes(sandbox, incident)) == 1


@pytest.mark.parametrize(
    ("status", "waits"), [(500, False), (503, False), (502, True), (504, True), (408, True)]
)
def test_only_an_answer_of_pagerdutys_own_ends_the_wait(
    connection: Connection, sandbox: Sandbox, incident: str, status: int, waits: bool
) -> None:
    sandbox.faults.add(
        [{"kind": "status", "status": status, "method": "POST", "path": "/notes$", "times": 1}]
    )

    call = in_a_moment(write_note(connection, incident))

    assert call.status == ("waiting" if waits else "completed")


def test_a_refused_token_is_no_reason_to_wait(
    connection: Connection, sandbox: Sandbox, incident: str
) -> None:
    sandbox.faults.add([{"kind": "status", "status": 401, "method": "POST", "path": "/notes$", "times": 1}])

    assert write_note(connection, incident).status == "completed"


@pytest.mark.parametrize("key", [{}, {"incident_key": "mine"}], ids=["our key", "their key"])
def test_an_incident_still_being_opened_is_asked_for_again_at_once_under_its_key(
    connection: Connection, sandbox: Sandbox, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.faults.add([_SLOW | {"path": "/incidents$"}])
    call = act(connection, "create-incident", service_id="PSVC00", title="Full", **key)
    page = Api.page

    def then_it_opens(self: Api, *args: Any) -> Any:
        """The first look comes just before PagerDuty is done."""
        found = page(self, *args)
        wait_for("PagerDuty to have opened it", lambda: sandbox.store.rows("SELECT id FROM incidents"))
        return found

    monkeypatch.setattr(Api, "page", then_it_opens)

    assert in_a_moment(call).status == "completed", call.error
    assert [(present(call.output)["incident"]["id"],)] == sandbox.store.rows("SELECT id FROM incidents")


def test_the_wait_is_longer_than_the_sandbox_works() -> None:
    kept_back = Rule("delay", seconds=60)

    assert kept_back.seconds_before == WORKS_FOR_SECONDS < project_settings.PAGERDUTY_SETTLE_SECONDS


def test_a_note_taken_from_an_equal_call_leaves_our_own_request_to_be_waited_for(
    connection: Connection, sandbox: Sandbox, incident: str
) -> None:
    """Both lost their answers; the later one found the earlier one's note before its own had been written."""
    sandbox.faults.add([{"kind": "lose_answer", "method": "POST", "path": "/notes$", "times": 1}])
    first = write_note(connection, incident)
    sandbox.faults.add([{"kind": "drop_before", "method": "POST", "path": "/notes$", "times": 1}])
    second = in_a_moment(write_note(connection, incident))
    assert second.status == "completed"
    ActionCall.objects.filter(pk=first.pk).update(settles_at=timezone.now())

    assert in_a_moment(first).status == "waiting"
    assert first.next_attempt_at == second.settles_at
