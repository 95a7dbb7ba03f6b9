"""Cancel and replay, each once."""

import pytest
import responses
from django.test import Client

from connections.models import AuditEvent, Connection
from tests.factories import add_note, note_step, publish
from tests.support.browser import text
from tests.workflows.pages.runs.begun import Deliver, address, one_run
from workflows import worker
from workflows.models import Run, Trigger, Workflow

pytestmark = pytest.mark.django_db


class TestWhatOneDoes:
    def test_cancelling_stops_what_has_not_begun(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver
    ) -> None:
        run = one_run(deliver)

        page = text(bob.post(address(run, "cancel"), follow=True))

        assert "Run cancelled." in page
        assert Run.objects.get().status == "cancelled"
        assert AuditEvent.objects.filter(action="run.cancelled").count() == 1
        assert "has finished or is running" in text(bob.post(address(run, "cancel"), follow=True))

    def test_running_again_leads_to_the_new_run(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty)
        run = one_run(deliver)
        worker.drain()

        answer = bob.post(address(run, "replay_from_start"), follow=True)

        again = Run.objects.latest("seq")
        assert answer.redirect_chain[-1][0] == address(again)
        assert "Replay 1" in text(answer)
        assert again.event_id == run.event_id

    def test_from_the_start_says_what_it_repeats_and_asks(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty)
        run = one_run(deliver)
        worker.drain()

        question = bob.get(address(run, "replay_from_start"), follow=True)

        page = text(question)
        assert "Completed steps run a second time" in page
        assert "Incident ID: PINC1 · Note: Runbook for Payments are slow" in page
        assert Run.objects.count() == 1
        once = {"_once": question.context["once"]}
        first, second = (bob.post(address(run, "replay_from_start"), once)["Location"] for _ in range(2))
        assert first == second
        worker.drain()
        assert bob.post(address(run, "replay_from_start"), once)["Location"] == first
        assert Run.objects.count() == 2

    def test_a_retry_goes_on_where_it_failed_and_both_lead_to_each_other(
        self,
        bob: Client,
        trigger: Trigger,
        connection: Connection,
        deliver: Deliver,
        pagerduty: responses.RequestsMock,
    ) -> None:
        second = note_step(connection, key="second", name="Tell the other")
        second["input"] = {**second["input"], "incident_id": "PTWO"}
        publish(trigger, connection, steps=[note_step(connection), second])
        add_note(pagerduty)
        add_note(pagerduty, incident="PTWO", status=404, json={})
        run = one_run(deliver)
        worker.drain()
        assert "Retry from failed step" in text(bob.get(address(run)))

        answer = bob.post(address(run, "replay"), follow=True)
        again = Run.objects.latest("seq")
        worker.drain()

        assert answer.redirect_chain[-1][0] == address(again)
        assert "Retry started from the failed step" in text(answer)
        page = bob.get(address(again))
        assert "Reused from an earlier run : not repeated." in text(page)
        assert address(run) in page.content.decode()
        before = bob.get(address(run))
        assert address(again) in before.content.decode()
        assert "Retry from failed step" not in text(before)
        assert "Retry from failed step" in text(page)

    def test_pausing_holds_it_until_somebody_resumes(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty)
        run = one_run(deliver)

        assert "Paused manually." in text(bob.post(address(run, "pause_run"), follow=True))
        worker.drain()
        assert Run.objects.get().status == "paused"

        assert "Run resumed." in text(bob.post(address(run, "resume_run"), follow=True))
        worker.drain()
        assert Run.objects.get().status == "completed"

    def test_an_archived_workflow_runs_nothing_again(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver
    ) -> None:
        run = one_run(deliver)
        Run.objects.update(status="failed")
        Workflow.objects.update(status="archived")

        assert "Run again from start" not in text(bob.get(address(run)))
        for name in ("replay", "replay_from_start"):
            assert "This workflow is archived" in text(bob.post(address(run, name), follow=True))
        assert Run.objects.count() == 1

    def test_all_want_a_post(self, bob: Client, note_workflow: Workflow, deliver: Deliver) -> None:
        run = one_run(deliver)
        for name in ("cancel", "pause_run", "resume_run", "replay"):
            assert bob.get(address(run, name)).status_code == 405
