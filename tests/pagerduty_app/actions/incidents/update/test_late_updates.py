"""Updates that come late: an incident that was resolved meanwhile stays resolved, and the answer says what was done."""

import json
from typing import Any

import pytest

from connections.models import Connection
from pagerduty_app.actions.incidents.update.changes import decide
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, incident_event, publish
from tests.support.sandbox_actions import ACCOUNT, DANA, ELI, act, asked, connection, fault, later, output
from workflows import worker
from workflows.calls import loop_detection
from workflows.models import ActionCall, Event, Run, Trace, Trigger
from workflows.runs import replay

__all__ = ["act", "connection"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def incident(sandbox: Sandbox) -> Any:
    """incident(status): the id of a new one of Dana's that has gone through these by Eli's hand."""

    def make(*statuses: str) -> str:
        some_id: str = sandbox.incidents.insert(ACCOUNT, "PSVC00")["id"]
        for status in statuses:
            become(sandbox, some_id, status)
        return some_id

    return make


def become(sandbox: Sandbox, some_id: str, status: str) -> None:
    sandbox.incidents.change(ACCOUNT, sandbox.person(ACCOUNT, "PUSER01"), some_id, {"status": status})


def state(sandbox: Sandbox, some_id: str) -> str:
    return str(sandbox.incidents.get(ACCOUNT, some_id)["status"])


def update(some_id: str, **changes: Any) -> dict[str, Any]:
    return {"from": DANA, "incident_id": some_id, **changes}


def said(call: ActionCall) -> tuple[Any, ...]:
    """(changed, reason, applied, reopened)"""
    made = output(call)
    return made["changed"], made["reason"], made["applied"], made["reopened"]


@pytest.mark.parametrize("status", ["acknowledged", "triggered", "resolved"])
def test_a_resolved_incident_stays_resolved(act: Any, sandbox: Sandbox, incident: Any, status: str) -> None:
    some_id = incident("resolved")

    call = act("update-incident", update(some_id, status=status))

    assert said(call) == (False, "already_resolved", [], False)
    assert output(call)["incident"]["status"] == "resolved"
    assert state(sandbox, some_id) == "resolved"
    assert len(asked(sandbox, "GET", f"/incidents/{some_id}")) == 1
    assert asked(sandbox, "PUT", f"/incidents/{some_id}") == []
    assert not ActionCall.objects.filter(unsure=True).exists()


@pytest.mark.parametrize("status", ["acknowledged", "triggered"])
def test_it_is_brought_back_where_that_is_asked_for(
    act: Any, sandbox: Sandbox, incident: Any, status: str
) -> None:
    some_id = incident("resolved")

    call = act("update-incident", update(some_id, status=status, reopen=True))

    assert said(call) == (True, None, ["status"], True)
    assert state(sandbox, some_id) == status


@pytest.mark.parametrize(
    ("before", "changes", "wanted"),
    [
        ([], {"status": "acknowledged"}, (True, None, ["status"], False)),
        (["acknowledged"], {"status": "acknowledged"}, (False, "already_acknowledged", [], False)),
        (["acknowledged"], {"status": "triggered"}, (True, None, ["status"], False)),
        ([], {"status": "triggered"}, (False, "already_triggered", [], False)),
        ([], {"status": "resolved", "resolution": "x"}, (True, None, ["status", "resolution"], False)),
        ([], {"title": "An incident"}, (False, "unchanged", [], False)),
        ([], {"urgency": "low", "title": "An incident"}, (True, None, ["urgency"], False)),
        (["resolved"], {"title": "Found later"}, (True, None, ["title"], False)),
        (
            ["resolved"],
            {"title": "Found later", "status": "acknowledged"},
            (True, "already_resolved", ["title"], False),
        ),
        (["resolved", "triggered"], {"status": "acknowledged"}, (True, None, ["status"], False)),
    ],
)
def test_what_is_left_to_do_is_done_and_said(
    act: Any, sandbox: Sandbox, incident: Any, before: list[str], changes: dict[str, Any], wanted: Any
) -> None:
    some_id = incident(*before)

    call = act("update-incident", update(some_id, **changes))

    assert said(call) == wanted
    theirs = sandbox.incidents.get(ACCOUNT, some_id)
    assert theirs["title"] == changes.get("title", "An incident")
    if "already_resolved" in wanted:
        assert theirs["status"] == "resolved"


def test_an_acknowledgement_that_reopened_by_accident_says_so(
    act: Any, sandbox: Sandbox, incident: Any
) -> None:
    """PagerDuty has no way to write a status only if it is still another one: the log tells afterwards."""
    some_id = incident()
    fault(sandbox, "act_first", f"/incidents/{some_id}$", method="PUT")

    call = act("update-incident", update(some_id, status="acknowledged"))

    assert said(call) == (True, "resolved_meanwhile", ["status"], True)
    assert state(sandbox, some_id) == "acknowledged"


def test_a_log_that_cannot_be_read_does_not_undo_the_write(act: Any, sandbox: Sandbox, incident: Any) -> None:
    some_id = incident()
    fault(sandbox, "status", "/log_entries$", method="GET")

    assert said(act("update-incident", update(some_id, status="acknowledged"))) == (
        True,
        None,
        ["status"],
        None,
    )


def test_users_that_cannot_be_read_do_not_undo_the_write(
    act: Any, sandbox: Sandbox, incident: Any, settings: Any
) -> None:
    """Who `from` is may have been forgotten meanwhile: a cache keeps nothing for certain."""
    some_id = incident()
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    sandbox.faults.add([{"kind": "delay", "seconds": 0, "path": "/users$", "method": "GET", "times": 2}])
    fault(sandbox, "status", "/users$", method="GET")

    call = act("update-incident", update(some_id, status="acknowledged"))

    assert said(call) == (True, None, ["status"], None)
    assert len(asked(sandbox, "PUT", f"/incidents/{some_id}")) == 1


@pytest.mark.parametrize("status", ["acknowledged", "resolved"])
def test_somebody_who_was_a_moment_faster_leaves_nothing_to_do(
    act: Any, sandbox: Sandbox, incident: Any, status: str
) -> None:
    some_id = incident()
    fault(sandbox, "act_first", f"/incidents/{some_id}$", method="PUT", act=status)

    call = act("update-incident", update(some_id, status=status, title="More"))

    assert said(call) == (True, f"already_{status}", ["title"], False)


# --- lost answers --------------------------------------------------------------------------------------
def test_a_lost_answer_is_found_in_the_log_though_somebody_resolved_it_since(
    act: Any, sandbox: Sandbox, incident: Any
) -> None:
    some_id = incident()
    fault(sandbox, "lose_answer", f"/incidents/{some_id}$", method="PUT")
    call = act("update-incident", update(some_id, status="acknowledged"))
    assert call.status == "waiting"
    become(sandbox, some_id, "resolved")

    assert said(later(call)) == (True, None, ["status"], False)
    assert state(sandbox, some_id) == "resolved"
    assert len(asked(sandbox, "PUT", f"/incidents/{some_id}")) == 1


@pytest.mark.parametrize("reopen", [{}, {"reopen": True}])
def test_a_request_that_never_arrived_is_decided_anew(
    act: Any, sandbox: Sandbox, incident: Any, reopen: dict[str, bool]
) -> None:
    some_id = incident(*["resolved"] if reopen else [])
    fault(sandbox, "drop_before", f"/incidents/{some_id}$", method="PUT")
    call = act("update-incident", update(some_id, status="acknowledged", **reopen))
    if not reopen:
        become(sandbox, some_id, "resolved")

    found = said(later(call))

    assert found == ((True, None, ["status"], True) if reopen else (False, "already_resolved", [], False))
    assert state(sandbox, some_id) == ("acknowledged" if reopen else "resolved")


def test_what_somebody_resolved_after_our_reopening_is_not_reopened_again(
    act: Any, sandbox: Sandbox, incident: Any
) -> None:
    some_id = incident("resolved")
    fault(sandbox, "lose_answer", f"/incidents/{some_id}$", method="PUT")
    call = act("update-incident", update(some_id, status="acknowledged", reopen=True))
    become(sandbox, some_id, "resolved")

    assert said(later(call)) == (True, None, ["status"], True)
    assert state(sandbox, some_id) == "resolved"


# --- in workflows --------------------------------------------------------------------------------------
def step(connection: Connection, some_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "key": "ack",
        "connection": str(connection.pk),
        "action": "pagerduty/update-incident",
        "input": update(some_id, status="acknowledged", **changes),
    }


def test_a_replay_long_after_does_not_reopen(
    trigger: Trigger, connection: Connection, deliver: Any, sandbox: Sandbox, incident: Any
) -> None:
    some_id = incident()
    publish(trigger, connection, steps=[step(connection, some_id)])
    deliver(incident_event())
    worker.drain()
    run = Run.objects.get()
    become(sandbox, some_id, "resolved")
    traces = Trace.objects.count()

    again, _ = replay.replay(actor=SYSTEM, run=run, begin_at="start")
    worker.drain()

    again.refresh_from_db()
    assert again.status == "completed"
    assert again.steps.get().call.output["reason"] == "already_resolved"  # type: ignore[union-attr,index]
    assert state(sandbox, some_id) == "resolved"
    # Nothing was sent, so nothing that happens next is taken for its echo.
    assert Trace.objects.count() == traces


@pytest.mark.parametrize("before", [[], ["resolved"]], ids=["by accident", "asked for"])
def test_the_event_of_our_reopening_is_our_echo(
    trigger: Trigger,
    connection: Connection,
    deliver: Any,
    sandbox: Sandbox,
    incident: Any,
    before: list[str],
) -> None:
    some_id = incident(*before)
    if not before:
        fault(sandbox, "act_first", f"/incidents/{some_id}$", method="PUT")
    sandbox.subscribe(ACCOUNT, "http://127.0.0.1:9/", ["incident.reopened"], {"type": "account_reference"})
    publish(trigger, connection, steps=[step(connection, some_id, **{"reopen": True} if before else {})])
    deliver(incident_event())
    worker.drain()

    ((body,),) = sandbox.store.rows("SELECT body FROM deliveries")
    event = Event(trigger=trigger, external_id="1", event_type="incident.reopened", lane="x", body=body)

    assert json.loads(body)["event"]["event_type"] == "incident.reopened"
    cause = loop_detection.cause_of(event)
    assert cause is not None
    assert cause.run == Run.objects.get()


def test_reopen_goes_with_a_status_that_can_reopen(act: Any, incident: Any) -> None:
    from core.errors import Problem

    for changes in ({"title": "x"}, {"status": "resolved"}):
        with pytest.raises(Problem) as refused:
            act("update-incident", update(incident(), **changes, reopen=True))
        assert list(refused.value.fields or {}) == ["reopen"]


def test_a_status_that_pagerduty_will_have_one_day_is_not_resolved() -> None:
    decision = decide({"status": "acknowledged"}, {"id": "P", "status": "snoozed"})

    assert (decision.send, decision.reopens) == ({"status": "acknowledged"}, False)


def test_acknowledging_as_eli_reopens_for_eli(act: Any, sandbox: Sandbox, incident: Any) -> None:
    some_id = incident("resolved")

    act("update-incident", update(some_id, status="acknowledged", reopen=True) | {"from": ELI})

    (assigned,) = sandbox.incidents.get(ACCOUNT, some_id)["assignments"]
    assert assigned["assignee"]["id"] == "PUSER01"
