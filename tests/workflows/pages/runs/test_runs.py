"""Runs on pages: the list and its filters, one run step by step, cancelling, running it again."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import responses
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.models import AuditEvent, Connection, Workspace
from connections.web import current_scope
from tests.factories import DANA, People, add_note, incident_event, note_step, publish, requests_in_flight
from tests.support.browser import signed_in, text
from workflows import worker
from workflows.engine import fanout
from workflows.models import ActionCall, Run, Trigger, Workflow

pytestmark = pytest.mark.django_db
Deliver = Callable[..., Any]
LIST = reverse("workflows:runs")


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


def address(run: Run, name: str = "run") -> str:
    return reverse(f"workflows:{name}", args=[run.id])


def one_run(deliver: Deliver, **payload: Any) -> Run:
    """Made, and not yet begun."""
    deliver(incident_event(**payload))
    fanout.fan_out_due()
    return Run.objects.latest("seq")


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
