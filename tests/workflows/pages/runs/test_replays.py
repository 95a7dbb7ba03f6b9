"""Running a selection again, on pages: asking first, progress, cancelling."""

from collections.abc import Callable
from typing import Any

import pytest
import responses
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.models import AuditEvent, Workspace
from tests.factories import SECRET, SYSTEM, People, add_note, connect, incident_event, publish
from tests.support.browser import signed_in, text
from workflows import worker
from workflows.engine import fanout
from workflows.inbox import secrets
from workflows.models import ReplayBatch, Run, Workflow
from workflows.runs import bulk_replay
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
ALL = reverse("workflows:replay_all")
Deliver = Callable[..., Any]


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


def make_runs(deliver: Deliver, count: int, status: str = "failed") -> None:
    for number in range(count):
        deliver(incident_event(incident=f"PINC{number}"))
    fanout.fan_out_due()
    Run.objects.update(status=status)


def progress_of(batch: ReplayBatch) -> str:
    return reverse("workflows:replay_progress", args=[batch.pk])


def test_what_the_filters_select_runs_again_after_a_question(
    bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
) -> None:
    make_runs(deliver, 3)
    Run.objects.filter(lane="PINC0").update(status="completed")
    assert "Replay all matching…" in text(bob.get("/runs/?status=failed"))
    assert "Replay all matching…" not in text(bob.get("/runs/"))
    assert "Run 2 again from the start" in text(bob.get(f"{ALL}?status=failed"))
    for number in (1, 2):
        add_note(pagerduty, f"PINC{number}")

    answer = bob.post(f"{ALL}?status=failed")
    batch = ReplayBatch.objects.get()
    assert answer["Location"] == progress_of(batch)
    before = bob.get(answer["Location"])
    assert "0 of 2 finished" in text(before)
    assert "hx-get" in before.content.decode().partition("<main")[2]
    assert "0 of 2 finished" in text(bob.get(f"{progress_of(batch)}?part"))

    worker.drain()
    assert bob.get(f"{progress_of(batch)}?part")["HX-Refresh"] == "true"
    after = bob.get(progress_of(batch))
    assert "2 of 2 finished" in text(after)
    assert "Completed 2" in text(after)
    assert "hx-get" not in after.content.decode().partition("<main")[2]
    assert Run.objects.filter(replay=1, status="completed").count() == 2


def test_the_rest_is_cancelled(bob: Client, note_workflow: Workflow, deliver: Deliver) -> None:
    make_runs(deliver, 2)
    bob.post(f"{ALL}?status=failed")
    batch = ReplayBatch.objects.get()

    page = text(bob.post(reverse("workflows:replay_cancel", args=[batch.pk]), follow=True))
    worker.drain()

    assert "the rest cancelled" in page
    assert not Run.objects.filter(replay=1).exists()
    assert "This replay is over." in text(
        bob.post(reverse("workflows:replay_cancel", args=[batch.pk]), follow=True)
    )


def test_five_hundred_show_their_progress_in_as_many_queries_as_one(
    bob: Client, note_workflow: Workflow, deliver: Deliver
) -> None:
    make_runs(deliver, 1)
    first = Run.objects.get()
    bob.post(f"{ALL}?status=failed")
    batch = ReplayBatch.objects.get()

    def queries() -> int:
        with CaptureQueriesContext(database) as seen:
            assert bob.get(progress_of(batch)).status_code == 200
        return len(seen)

    few = queries()
    copies = [_again(first, number, batch) for number in range(1, 501)]
    Run.objects.bulk_create(copies)

    assert queries() == few


def _again(run: Run, replay: int, batch: ReplayBatch | None = None) -> Run:
    return Run(
        workspace_id=run.workspace_id,
        workflow_id=run.workflow_id,
        version_id=run.version_id,
        event_id=run.event_id,
        lane=run.lane,
        replay=replay,
        batch=batch,
        status="completed",
    )


def test_nothing_selected_starts_nothing(bob: Client, note_workflow: Workflow, deliver: Deliver) -> None:
    make_runs(deliver, 1)

    assert "No finished runs match." in text(bob.get(f"{ALL}?status=completed"))
    assert "No finished runs selected." in text(bob.post(f"{ALL}?status=completed"))
    assert bob.post(f"{ALL}?since=nonsense").status_code == 400
    assert not ReplayBatch.objects.exists()


def test_a_stranger_neither_starts_nor_sees_it(
    bob: Client, who: People, note_workflow: Workflow, deliver: Deliver
) -> None:
    make_runs(deliver, 1)
    bob.post(f"{ALL}?status=failed")
    batch = ReplayBatch.objects.get()
    stranger = signed_in(who.charlie)

    assert stranger.get(progress_of(batch)).status_code == 404
    assert stranger.post(reverse("workflows:replay_cancel", args=[batch.pk])).status_code == 404
    assert "No finished runs selected." in text(stranger.post(f"{ALL}?status=failed"))
    assert ReplayBatch.objects.count() == 1


def test_the_selection_retries_from_the_failed_step_unless_chosen_otherwise(
    bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty, "PINC0")
    add_note(pagerduty, "PINC1", status=404, json={})
    for number in range(2):
        deliver(incident_event(incident=f"PINC{number}"))
    worker.drain()
    page = text(bob.get(f"{ALL}?kind=real"))
    assert "Retry 1 from the failed step" in page
    assert "Run 2 again from the start" in page

    bob.post(f"{ALL}?kind=real")
    worker.drain()
    assert [(run.lane, run.replay_from) for run in Run.objects.filter(replay=1)] == [("PINC1", "failed_step")]

    bob.post(f"{ALL}?kind=real", {"from": "start"})
    worker.drain()
    assert Run.objects.filter(replay_from="start").count() == 2
    assert "Choose where the runs start." in text(bob.post(f"{ALL}?kind=real", {"from": "middle"}))


def test_a_selection_of_several_workspaces_runs_again_in_each_and_in_no_other(
    bob: Client, who: People, note_workflow: Workflow, deliver: Deliver
) -> None:
    second = Workspace.objects.create(account=who.agency, name="Second")
    for workspace in (second, who.other):
        connection = connect(workspace)
        trigger = lifecycle.create(
            actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New"
        )
        secrets.add_secret(actor=SYSTEM, trigger=trigger, secret=SECRET)
        publish(trigger, connection)
        deliver(incident_event(incident=workspace.name), to=trigger)
    make_runs(deliver, 2)

    answer = bob.post(f"{ALL}?status=failed")
    batches = ReplayBatch.objects.all()
    assert {batch.workspace for batch in batches} == {who.acme, second}
    bulk_replay.advance_due(float("inf"))

    assert sorted(Run.objects.filter(replay=1).values_list("lane", flat=True)) == ["PINC0", "PINC1", "Second"]
    page = text(bob.get(answer["Location"]))
    assert "0 of 3 finished" in page
    assert "Acme (Agency): 2" in page
    assert "Second (Agency): 1" in page
    key = answer["Location"].split("/")[-2]
    seen = bob.get(f"/api/v1/runs/replay/{key}/").json()
    assert (seen["total"], seen["made"], len(seen["workspaces"])) == (3, 3, 2)
    assert signed_in(who.charlie).get(answer["Location"]).status_code == 404

    bob.post(reverse("workflows:replay_cancel", args=[key]))
    assert Run.objects.filter(replay=1, status="cancelled").count() == 3
    assert AuditEvent.objects.filter(action="replay.cancelled").count() == 2
