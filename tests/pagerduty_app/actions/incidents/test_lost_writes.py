"""Writes whose response was lost are told apart from earlier ones, also in a long log."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from connections.grants import tokens
from connections.models import Connection, Grant
from pagerduty_app.actions import ACTIONS
from pagerduty_app.actions.incidents import log_entries
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, incident_event, publish
from tests.support.present import present
from tests.support.sandbox_actions import ACCOUNT, DANA, act, asked, connection, fault, later, output
from tests.support.sandbox_incidents import note_down
from workflows import worker
from workflows.models import ActionCall, Run, Trigger
from workflows.runs import control, replay

__all__ = ["act", "connection"]
pytestmark = pytest.mark.django_db
Write = Callable[..., ActionCall]
LEVEL, ASSIGNEES = {"escalation_level": 2}, {"assignee_ids": ["PUSER01"]}
# More than two pages of a log.
MANY = 220


@pytest.fixture
def incident(sandbox: Sandbox) -> str:
    some_id: str = sandbox.incidents.insert(ACCOUNT, "PSVC00")["id"]
    return some_id


@pytest.fixture
def update(act: Any, incident: str) -> Write:
    return lambda **changes: act("update-incident", {"from": DANA, "incident_id": incident, **changes})


@pytest.fixture
def snooze(act: Any, incident: str) -> Write:
    data = {"from": DANA, "incident_id": incident, "duration_minutes": 60}
    return lambda **more: act("snooze-incident", data | more)


def lose(sandbox: Sandbox, incident: str, *, taking_effect: bool) -> None:
    """Have PagerDuty respond 502 to the next write to the incident."""
    kind = "status_after" if taking_effect else "status"
    sandbox.faults.add(
        [
            {"kind": kind, "method": method, "path": path, "status": 502, "times": 1}
            for method, path in (("PUT", f"/incidents/{incident}$"), ("POST", "/snooze$"))
        ]
    )


def writes(sandbox: Sandbox, incident: str) -> int:
    path = f"/incidents/{incident}"
    return len(asked(sandbox, "PUT", path)) + len(asked(sandbox, "POST", f"{path}/snooze"))


def logged(sandbox: Sandbox, incident: str, kind: str) -> int:
    return [entry["type"] for entry in sandbox.incidents.log(ACCOUNT, incident)].count(kind)


# --- earlier ones, a moment ago, by the same user -------------------------------------------------------
@pytest.mark.parametrize("taking_effect", [True, False])
def test_an_earlier_acknowledgement_does_not_prove_the_other_fields(
    update: Write, sandbox: Sandbox, incident: str, taking_effect: bool
) -> None:
    output(update(status="acknowledged"))
    lose(sandbox, incident, taking_effect=taking_effect)

    made = output(later(update(status="acknowledged", title="Found", priority="P1")))

    seen = sandbox.incidents.get(ACCOUNT, incident)
    assert (seen["title"], seen["priority"]["name"]) == ("Found", "P1")
    assert made["incident"]["title"] == "Found"
    assert writes(sandbox, incident) == (2 if taking_effect else 3)


@pytest.mark.parametrize("status", [{}, {"status": "acknowledged"}])
@pytest.mark.parametrize("taking_effect", [True, False])
def test_an_earlier_escalation_is_not_taken_for_this_one(
    update: Write, sandbox: Sandbox, incident: str, taking_effect: bool, status: dict[str, str]
) -> None:
    output(update(**LEVEL, **status))
    lose(sandbox, incident, taking_effect=taking_effect)

    output(later(update(escalation_level=1, **status)))

    (assigned,) = sandbox.incidents.get(ACCOUNT, incident)["assignments"]
    assert assigned["assignee"]["id"] == "PUSER00"
    assert logged(sandbox, incident, "escalate_log_entry") == 2
    assert writes(sandbox, incident) == (2 if taking_effect else 3)


@pytest.mark.parametrize("taking_effect", [True, False])
def test_an_earlier_assignment_that_was_changed_is_not_taken_for_this_one(
    update: Write, sandbox: Sandbox, incident: str, taking_effect: bool
) -> None:
    output(update(**ASSIGNEES))
    output(update(assignee_ids=["PUSER02"]))
    lose(sandbox, incident, taking_effect=taking_effect)

    output(later(update(**ASSIGNEES)))

    (assigned,) = sandbox.incidents.get(ACCOUNT, incident)["assignments"]
    assert assigned["assignee"]["id"] == "PUSER01"
    assert writes(sandbox, incident) == (3 if taking_effect else 4)


@pytest.mark.parametrize("taking_effect", [True, False])
def test_an_earlier_snooze_is_not_taken_for_this_one(
    snooze: Write, sandbox: Sandbox, incident: str, taking_effect: bool
) -> None:
    output(snooze())
    lose(sandbox, incident, taking_effect=taking_effect)

    output(later(snooze()))

    assert logged(sandbox, incident, "snooze_log_entry") == 2
    assert writes(sandbox, incident) == (2 if taking_effect else 3)


def test_what_a_first_attempt_did_is_found_after_a_second_one_was_lost_too(
    update: Write, sandbox: Sandbox, incident: str
) -> None:
    """The second attempt sees the entries of the first, which are not there before the call."""
    lose(sandbox, incident, taking_effect=False)
    call = update(**LEVEL)
    lose(sandbox, incident, taking_effect=True)

    output(later(later(call)))

    assert logged(sandbox, incident, "escalate_log_entry") == 1
    assert writes(sandbox, incident) == 2


def test_the_retry_of_a_run_tells_them_apart_too(
    trigger: Trigger, connection: Connection, deliver: Any, sandbox: Sandbox, incident: str
) -> None:
    for_level = [
        {
            "key": f"to_{level}",
            "connection": str(connection.pk),
            "action": "pagerduty/update-incident",
            "input": {"from": DANA, "incident_id": incident, "escalation_level": level},
        }
        for level in (2, 1)
    ]
    publish(trigger, connection, steps=for_level)
    fault(sandbox, "delay", f"/incidents/{incident}$", method="PUT", seconds=0)
    fault(sandbox, "status", f"/incidents/{incident}$", method="PUT", status=502)
    deliver(incident_event())
    worker.drain()
    control.cancel(actor=SYSTEM, run=Run.objects.get())
    ActionCall.objects.update(settles_at=None)

    again, _ = replay.replay(actor=SYSTEM, run=Run.objects.get(), begin_at="failed_step")
    worker.drain()

    again.refresh_from_db()
    assert again.status == "completed"
    assert writes(sandbox, incident) == 3
    assert logged(sandbox, incident, "escalate_log_entry") == 2


# --- long logs -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["escalate_log_entry", "snooze_log_entry"])
def test_a_write_is_found_behind_many_later_entries(
    update: Write, snooze: Write, sandbox: Sandbox, incident: str, kind: str
) -> None:
    lose(sandbox, incident, taking_effect=True)
    call = update(**LEVEL) if kind == "escalate_log_entry" else snooze()
    note_down(sandbox, incident, MANY)

    output(later(call))

    assert logged(sandbox, incident, kind) == writes(sandbox, incident) == 1


def test_a_log_that_cannot_be_read_to_its_end_is_an_error_that_passes(
    connection: Connection, sandbox: Sandbox, incident: str
) -> None:
    """What is not among the entries that were read may be among the others."""
    api = Api(sandbox.base_url, tokens.access_token(connection), lambda: None)
    note_down(sandbox, incident, 1)
    assert len(log_entries.every(api, incident, None, math.inf)) == 1

    with pytest.raises(PagerDutyError, match="could not be read to its end") as cut:
        log_entries.every(api, incident, None, until=0.0)

    assert (cut.value.retryable, cut.value.outcome_unknown) == (True, True)


def test_a_page_of_the_log_that_comes_twice_is_asked_for_again(
    update: Write, sandbox: Sandbox, incident: str
) -> None:
    """The write is neither given up nor sent twice for one odd answer of its look-up."""
    lose(sandbox, incident, taking_effect=True)
    call = update(**LEVEL)
    note_down(sandbox, incident, MANY)
    fault(sandbox, "ignore_offset", "/log_entries$", method="GET", times=2)

    waiting = later(call)
    assert (waiting.status, waiting.unsure) == ("waiting", True)
    assert "PagerDuty sent the same page again" in present(waiting.error)["message"]
    output(later(waiting))

    assert logged(sandbox, incident, "escalate_log_entry") == writes(sandbox, incident) == 1


# --- permissions ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "key",
    [
        f"pagerduty/{name}"
        for name in (
            *("create-incident", "create-incident-note", "update-incident", "snooze-incident"),
            *("merge-incidents", "add-responders", "set-custom-fields"),
        )
    ],
)
def test_writes_that_read_incidents_need_both_permissions_and_name_what_is_missing(
    act: Any, key: str
) -> None:
    Grant.objects.update(scopes_granted=["incidents.write", "users.read"])
    action = ACTIONS[key]

    error = present(act(action.path[1], action.sample_input).error)

    assert (error["code"], error["detail"]) == ("missing_scope", {"scope": "incidents.read"})
    assert "was not granted incidents.read, which" in error["message"]
