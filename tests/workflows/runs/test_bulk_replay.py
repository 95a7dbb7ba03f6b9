"""Replaying a selection of runs in the background: chosen, made, followed, cancelled."""

import json
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone

from connections.models import AuditEvent, Connection
from tests.factories import API, SYSTEM, Ask, add_note, incident_event, publish
from workflows import worker
from workflows.authoring import lifecycle as authoring
from workflows.models import HookDelivery, ReplayBatch, Run, Trigger, Workflow
from workflows.outgoing import endpoints
from workflows.runs import bulk_replay
from workflows.triggers import lifecycle, test_events

pytestmark = pytest.mark.django_db


@pytest.fixture
def ended(deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock) -> list[Run]:
    """Three runs: two completed, one failed."""
    for number, answer in enumerate(({}, {}, {"status": 404, "json": {}})):
        add_note(pagerduty, incident=f"P{number}", **answer)
        deliver(incident_event(incident=f"P{number}"))
    worker.drain()
    return list(Run.objects.order_by("seq"))


def replayed() -> list[str]:
    return list(Run.objects.filter(replay__gt=0).order_by("seq").values_list("lane", flat=True))


def test_a_selection_is_replayed_in_order_and_its_progress_can_be_followed(
    ask: Ask, ended: list[Run]
) -> None:
    started = ask("post", "runs/replay/", {"status": "completed"})
    assert started.status_code == 202
    assert {name: started.json()[name] for name in ("status", "total", "made", "runs")} == {
        "status": "running",
        "total": 2,
        "made": 0,
        "runs": {},
    }

    worker.drain()

    seen = ask("get", f"runs/replay/{started.json()['id']}/").json()
    assert (seen["status"], seen["made"], seen["runs"]) == ("completed", 2, {"completed": 2})
    assert seen["selection"] == {"status": "completed"}
    assert replayed() == ["P0", "P1"]
    assert AuditEvent.objects.get(action="replay.started").detail["runs"] == 2


def test_runs_on_test_events_are_in_no_selection(
    ended: list[Run], note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty, incident="PSAMPLE1", status=404, json={})
    event = lifecycle.send_test(actor=SYSTEM, trigger=note_workflow.trigger)
    run = test_events.start(actor=SYSTEM, event=event, workflow=note_workflow)
    worker.drain()
    run.refresh_from_db()
    assert run.status == "failed"

    for begin_at in ("", *Run.ReplayFrom.values):
        chosen = bulk_replay.chosen_of(Run.objects.all(), begin_at)
        assert chosen, "the others are"
        assert run.pk not in chosen


def test_the_whole_selection_has_to_fit(
    ask: Ask, ended: list[Run], trigger: Trigger, connection: Connection
) -> None:
    other = publish(trigger, connection)
    hour = (timezone.now() + timedelta(hours=1)).isoformat()
    for nothing in ({"workflow": str(other.pk)}, {"since": hour}, {"lane": "PX"}, {"status": "cancelled"}):
        answer = ask("post", "runs/replay/", nothing)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nothing_selected"), nothing

    some = {"workflow": str(ended[0].workflow_id), "lane": "P2", "status": "failed", "until": hour}
    assert ask("post", "runs/replay/", some).json()["total"] == 1
    assert json.loads(ask("post", "runs/replay/", {"state": "x"}).content)["error"]["fields"].keys() == {
        "state"
    }


def test_of_one_event_only_one_run_is_replayed(ask: Ask, ended: list[Run]) -> None:
    ask("post", "runs/replay/", {"lane": "P2"})
    worker.drain()
    assert Run.objects.filter(lane="P2", status="failed").count() == 2

    assert ask("post", "runs/replay/", {"lane": "P2"}).json()["total"] == 1


def test_a_replay_can_be_cancelled_before_it_is_made(ask: Ask, ended: list[Run]) -> None:
    path = f"runs/replay/{ask('post', 'runs/replay/', {}).json()['id']}/"

    assert ask("post", f"{path}cancel/").json()["status"] == "cancelled"
    worker.drain()

    assert replayed() == []
    assert ask("post", f"{path}cancel/").json()["error"]["code"] == "replay_over"


def test_what_a_cancelled_replay_has_made_does_not_begin(ask: Ask, ended: list[Run], settings: Any) -> None:
    settings.HOOKS_ALLOW_PRIVATE = True
    url, workspace = "http://127.0.0.1:1/", ended[0].workspace
    told, _ = endpoints.create(
        actor=SYSTEM, workspace=workspace, name="Sink", url=url, events=False, runs=True
    )
    path = f"runs/replay/{ask('post', 'runs/replay/', {}).json()['id']}/"
    bulk_replay.advance_due(float("inf"))

    ask("post", f"{path}cancel/")
    worker.drain()

    assert ask("get", path).json()["runs"] == {"cancelled": 3}
    assert HookDelivery.objects.filter(hook=told, run__status="cancelled").count() == 3


def test_what_is_over_is_not_cancelled(ask: Ask, ended: list[Run]) -> None:
    path = f"runs/replay/{ask('post', 'runs/replay/', {}).json()['id']}/"
    worker.drain()

    assert ask("post", f"{path}cancel/").status_code == 409
    assert ask("get", path).json()["status"] == "completed"


def test_at_most_500_at_once(ask: Ask, ended: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_replay, "MOST", 2)

    answer = ask("post", "runs/replay/", {})

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_selected")


def test_two_workers_make_each_run_once(ended: list[Run]) -> None:
    (batch,) = bulk_replay.start(actor=SYSTEM, runs=Run.objects.all(), selection={})
    stale = ReplayBatch.objects.get(pk=batch.pk)

    assert bulk_replay._make_some(batch) == 3
    assert bulk_replay._make_some(stale) == 0
    assert replayed() == ["P0", "P1", "P2"]


def test_an_archived_workflows_runs_are_passed_over(ask: Ask, ended: list[Run]) -> None:
    authoring.set_status(actor=SYSTEM, workflow=ended[0].workflow, status="archived")
    path = f"runs/replay/{ask('post', 'runs/replay/', {}).json()['id']}/"

    worker.drain()

    seen = ask("get", path).json()
    assert (seen["status"], seen["made"], seen["skipped"], seen["runs"]) == ("completed", 3, 3, {})


@pytest.mark.parametrize("begin_at", [{}, {"from": "failed_step"}])
@pytest.mark.parametrize("how", ["failed_step", "start"])
def test_what_a_later_run_has_done_is_not_retried_with_the_others(
    ask: Ask, ended: list[Run], pagerduty: responses.RequestsMock, how: str, begin_at: dict[str, str]
) -> None:
    """Its first run is still listed as failed, and a person retries all that failed."""
    pagerduty.remove("POST", f"{API}/incidents/P2/notes")
    note = add_note(pagerduty, incident="P2")
    ask("post", f"runs/{ended[2].id}/replay/", {"from": how})
    assert (
        ask("post", "runs/replay/", {"status": "failed"} | begin_at).json()["error"]["code"]
        == "nothing_selected"
    )
    worker.drain()

    answer = ask("post", "runs/replay/", {"status": "failed"} | begin_at)
    worker.drain()

    assert answer.json()["error"]["code"] == "nothing_selected"
    assert note.call_count == 1
    # From the start is another wish: to have it done once more.
    assert ask("post", "runs/replay/", {"status": "failed", "from": "start"}).json()["total"] == 1


def test_a_later_run_that_failed_too_is_what_is_retried(ask: Ask, ended: list[Run]) -> None:
    ask("post", f"runs/{ended[2].id}/replay/", {"from": "start"})
    worker.drain()
    second = Run.objects.get(replay=1)

    assert ask("post", "runs/replay/", {"status": "failed", "from": "failed_step"}).json()["total"] == 1
    worker.drain()

    assert Run.objects.get(replay=2).replay_of == second
