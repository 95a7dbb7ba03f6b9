"""The list of runs: bounded, filtered, seen by who may."""

import re
from typing import Any

import pytest
import responses
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.models import Connection
from connections.web import current_scope
from tests.factories import People, add_note, incident_event
from tests.support.browser import signed_in, text
from tests.workflows.pages.runs.begun import LIST, Deliver, address, one_run
from workflows import worker
from workflows.engine import fanout
from workflows.models import Run, Trigger, Workflow

pytestmark = pytest.mark.django_db


class TestTheList:
    def test_an_empty_one_says_what_it_will_show(self, bob: Client, trigger: Trigger) -> None:
        assert "No runs yet" in text(bob.get(LIST))

    def test_a_line_says_what_about_which_workflow_and_how_it_went(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty)
        deliver(incident_event(title="Payments are slow"))
        worker.drain()

        page = text(bob.get(LIST))

        assert "Payments are slow Note Completed" in page
        assert re.search(r"Note Completed (< )?[\d.]+ s", page)

    def test_it_can_be_narrowed(
        self,
        bob: Client,
        note_workflow: Workflow,
        deliver: Deliver,
        connection: Connection,
        time_machine: Any,
    ) -> None:
        time_machine.move_to("2026-11-01T10:00:00Z", tick=False)
        one_run(deliver, incident="PINC1", title="One")
        time_machine.move_to("2026-11-02T10:00:00Z", tick=False)
        two = one_run(deliver, incident="PINC2", title="Two")
        three = one_run(deliver, incident="PINC3", title="Three")
        Run.objects.filter(pk=two.pk).update(status="failed", finished_at=timezone.now())
        Run.objects.filter(pk=three.pk).update(status="paused", blocked_on=connection)

        expected: dict[str, set[str]] = {
            "": {"One", "Two", "Three"},
            "status=failed": {"Two"},
            "status=reconnect": {"Three"},
            "status=paused": {"Three"},
            "incident=PINC2": {"Two"},
            "incident=%20PINC2%20": {"Two"},
            "incident=PINC9": set(),
            "until=2026-10-31": set(),
            "since=2026-11-02&until=2026-11-02": {"Two", "Three"},
            f"workflow={note_workflow.pk}": {"One", "Two", "Three"},
        }
        shown = {}
        for query in expected:
            answer = bob.get(f"{LIST}?{query}")
            assert answer.status_code == 200, query
            shown[query] = {
                line.run.event.payload["event"]["data"]["title"] for line in answer.context["rows"]
            }
        assert shown == expected

    @pytest.mark.parametrize(
        "query", ["status=nonsense", "workflow=1", "since=2026-13-01", "since=9999-12-31"]
    )
    def test_what_cannot_be_understood_is_said_at_the_field(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, query: str
    ) -> None:
        one_run(deliver)

        answer = bob.get(f"{LIST}?{query}")

        assert answer.status_code == 400
        assert "errorlist" in answer.content.decode()
        assert answer.context["rows"] == []

    def test_another_agency_sees_none_of_it(
        self, who: People, note_workflow: Workflow, deliver: Deliver
    ) -> None:
        run = one_run(deliver)
        stranger = signed_in(who.charlie)

        assert "Payments are slow" not in text(stranger.get(LIST))
        assert stranger.get(f"{LIST}?workflow={note_workflow.pk}").status_code == 400
        for name in ("run", "run_progress"):
            assert stranger.get(address(run, name)).status_code == 404
        for name in ("cancel", "pause_run", "resume_run", "replay"):
            assert stranger.post(address(run, name)).status_code == 404
        assert Run.objects.get().status == "pending"

    @pytest.mark.parametrize("most", [0, 1_000])
    def test_an_agency_sees_all_of_its_workspaces_and_no_other_however_many(
        self,
        who: People,
        deliver: Deliver,
        note_workflow: Workflow,
        most: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(current_scope, "_MOST_LISTED", most)
        deliver(incident_event())
        fanout.fan_out_due()
        address = str(reverse("workflows:run", args=[Run.objects.get().id]))

        seen = {
            name: signed_in(getattr(who, name)).get(LIST).content.decode() for name in ("alice", "charlie")
        }

        assert address in seen["alice"]
        assert address not in seen["charlie"]

    @pytest.mark.slow
    def test_its_queries_stay_the_same_with_ten_thousand_runs(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver
    ) -> None:
        first = one_run(deliver)
        # What ended last is looked at for the health of the workflow: here there is one before and after.
        Run.objects.update(status="completed", finished_at=timezone.now())

        def queries(path: str) -> int:
            with CaptureQueriesContext(database) as seen:
                assert bob.get(path).status_code == 200
            return len(seen)

        paths = [LIST, f"{LIST}?incident=PINC1", reverse("workflows:detail", args=[note_workflow.pk])]
        bob.get(LIST)  # the first request of a session also notes where it came from
        before = [queries(path) for path in paths]
        more = [_copy(first, number) for number in range(1, 10_001)]
        Run.objects.bulk_create(more, batch_size=500)

        assert [queries(path) for path in paths] == before
        assert max(before) < 16

    def test_each_open_run_says_why_it_waits_in_as_many_queries_for_one_as_for_a_page(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty, status=429, json={}, headers={"Retry-After": "120"})
        first = one_run(deliver)
        worker.drain()
        one_run(deliver, incident="PINC2")
        bob.get(LIST)  # the first request of a session also notes where it came from
        with CaptureQueriesContext(database) as one:
            assert "Waiting for PagerDuty’s rate limit until" in text(bob.get(LIST))
        for incident in ("PINC1", "PINC2") * 10:
            one_run(deliver, incident=incident)

        with CaptureQueriesContext(database) as many:
            answer = bob.get(LIST)

        page = text(answer)
        assert page.count("Pending Waiting for an earlier run of this incident") == 20
        assert page.count("Pending Waiting for a worker") == 1
        assert f'<a href="{address(first)}">an earlier run</a>' in answer.content.decode()
        assert len(many) == len(one)


def _copy(run: Run, replay: int) -> Run:
    return Run(
        workspace_id=run.workspace_id,
        workflow_id=run.workflow_id,
        version_id=run.version_id,
        event_id=run.event_id,
        replay=replay,
        lane=run.lane,
        status="completed",
        finished_at=timezone.now(),
    )
