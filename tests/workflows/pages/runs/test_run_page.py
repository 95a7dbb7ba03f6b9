"""The page of one run: what went in, what came out, why it waits."""

import re
from typing import Any

import pytest
import responses
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections.models import Connection
from tests.factories import DANA, add_note, note_step, publish, requests_in_flight
from tests.support.browser import text
from tests.workflows.pages.runs.begun import LIST, Deliver, address, one_run
from workflows import worker
from workflows.models import ActionCall, Run, Trigger, Workflow

pytestmark = pytest.mark.django_db


class TestOneRun:
    def test_a_completed_one_shows_each_step_with_what_went_in_and_came_out(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty, json={"note": {"id": "PNOTE1", "content": "Seen by Dana"}})
        run = one_run(deliver)
        worker.drain()

        page = text(bob.get(address(run)))

        assert "Run succeeded." in page
        assert "Runbook for Payments are slow" in page
        assert "Seen by Dana" in page
        assert "PINC1 · View all its runs" in page
        assert "Cancel run" not in page
        assert "hx-trigger" not in bob.get(address(run)).content.decode().partition("<main")[2]

    def test_one_that_has_not_begun_follows_by_itself(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty)
        run = one_run(deliver)
        page = bob.get(address(run))
        assert "Not started" in text(page)
        seen = page.context["seen"]
        assert bob.get(f"{address(run, 'run_progress')}?seen={seen}").status_code == 204

        worker.drain()

        news = bob.get(f"{address(run, 'run_progress')}?seen={seen}")
        assert (news.status_code, news["HX-Refresh"]) == (200, "true")

    def test_a_wait_says_why_and_until_when(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty, status=429, json={}, headers={"Retry-After": "120"})
        run = one_run(deliver)
        worker.drain()

        page = text(bob.get(address(run)))

        assert re.search(r"Waiting for PagerDuty’s rate limit until ([\d]+ \w+, )?\d\d:\d\d:\d\d", page)
        assert "Next automatic retry at" in page

    def test_one_behind_an_earlier_run_leads_to_it_and_its_page_follows_when_that_ends(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver
    ) -> None:
        first, second = one_run(deliver), one_run(deliver)

        answer = bob.get(address(second))

        assert "Waiting for an earlier run of this incident" in text(answer)
        assert f'<a href="{address(first)}">an earlier run</a>' in answer.content.decode()
        seen = f"{address(second, 'run_progress')}?seen={answer.context['seen']}"
        assert bob.get(seen).status_code == 204
        bob.post(address(first, "cancel"))
        assert bob.get(seen).status_code == 200
        assert "Waiting for a worker" in text(bob.get(address(second)))

    def test_a_failure_says_what_the_provider_said_and_what_to_do(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty, status=404, json={"error": {"code": 2100, "message": "Not Found"}})
        run = one_run(deliver)
        worker.drain()

        page = text(bob.get(address(run)))

        assert "Failed" in page
        assert "Not Found" in page
        assert "Run again from start" in page

    def test_a_field_that_is_not_there_fails_with_its_name(
        self, bob: Client, trigger: Trigger, connection: Connection, deliver: Deliver
    ) -> None:
        given = {"from": DANA, "incident_id": "{{ trigger.incident.nope }}", "content": "x"}
        publish(trigger, connection, steps=[note_step(connection, input=given)])
        run = one_run(deliver)
        worker.drain()

        page = text(bob.get(address(run)))

        assert "incident_id" in page
        assert "nope" in page

    def test_one_that_waits_for_reconnecting_leads_to_the_connection(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, connection: Connection
    ) -> None:
        run = one_run(deliver)
        Connection.objects.filter(pk=connection.pk).update(status="error")
        worker.drain()

        answer = bob.get(address(run))

        assert "Waiting for connection Acme to be reconnected" in text(answer)
        assert reverse("connections:detail", args=[connection.pk]) in answer.content.decode()
        assert "Waiting for connection Acme to be reconnected" in text(bob.get(LIST))

    def test_one_behind_requests_to_its_connection_leads_to_the_connection(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, connection: Connection
    ) -> None:
        run = one_run(deliver)
        requests_in_flight(connection)

        for page in (address(run), LIST):
            answer = bob.get(page)
            assert "Waiting for an earlier request to this PagerDuty connection" in text(answer)
            assert reverse("connections:detail", args=[connection.pk]) in answer.content.decode()

    def test_a_skipped_step_says_why(
        self,
        bob: Client,
        trigger: Trigger,
        connection: Connection,
        deliver: Deliver,
        pagerduty: responses.RequestsMock,
    ) -> None:
        only_if = {"rows": [["trigger.incident.urgency", "equals", "low"]]}
        publish(trigger, connection, steps=[note_step(connection, only_if=only_if)])
        run = one_run(deliver)
        worker.drain()

        assert "Skipped: condition not met" in text(bob.get(address(run)))

    def test_one_held_for_safety_says_so_here_and_at_its_workflow(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver
    ) -> None:
        Workflow.objects.update(max_runs_per_minute=1)
        one_run(deliver)
        held = one_run(deliver)

        assert "Paused (safety limit)" in text(bob.get(address(held)))
        page = text(bob.get(reverse("workflows:detail", args=[note_workflow.pk])))
        assert "more than 1 run would have started within a minute" in page
        assert "No run is lost" in page

    def test_the_step_s_call_and_the_delivery_lead_here(
        self, bob: Client, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty)
        run = one_run(deliver)
        worker.drain()
        call = reverse("actions:call", args=[ActionCall.objects.get().pk])
        delivery = reverse("triggers:delivery", args=[run.event.trigger_id, run.event.id])

        assert call in bob.get(address(run)).content.decode()
        for path in (call, delivery):
            assert address(run) in bob.get(path).content.decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"status": "cancelled", "error": {"code": "chain_too_long", "message": "Not begun."}},
            "Add a filter",
        ),
        (
            {
                "status": "paused",
                "pause_reason": "safety",
                "error": {"code": "paused_for_safety", "message": "Held."},
            },
            "raise the limit and resume the workflow",
        ),
    ],
    ids=["chain", "safety"],
)
def test_a_run_that_was_kept_from_beginning_says_what_can_be_done(
    bob: Client, note_workflow: Workflow, deliver: Deliver, changes: dict[str, Any], said: str
) -> None:
    run = one_run(deliver)
    finished = timezone.now() if changes["status"] == "cancelled" else None
    Run.objects.filter(pk=run.pk).update(finished_at=finished, **changes)

    assert said in text(bob.get(address(run)))
