"""The safety limit of a workflow, and pausing and resuming single runs: nothing is lost."""

from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone

from connections.models import AuditEvent, Connection
from tests.factories import SYSTEM, Ask, add_note, incident_event, publish
from workflows import worker
from workflows.authoring import lifecycle
from workflows.models import ActionCall, Run, Trigger, Workflow
from workflows.runs import safety_limit

pytestmark = pytest.mark.django_db


def statuses() -> list[str]:
    return list(Run.objects.order_by("seq").values_list("status", flat=True))


class TestSafety:
    @pytest.fixture
    def storm(
        self,
        ask: Ask,
        deliver: Any,
        trigger: Trigger,
        note_workflow: Workflow,
        pagerduty: responses.RequestsMock,
    ) -> str:
        """Five events for a workflow that may begin three runs a minute."""
        for number in range(5):
            add_note(pagerduty, incident=f"P{number}")
        path = f"workflows/{note_workflow.pk}/"
        assert ask("patch", path, {"max_runs_per_minute": 3}).json()["max_runs_per_minute"] == 3
        for number in range(5):
            deliver(incident_event(incident=f"P{number}"))
        worker.drain()
        return path

    def test_beyond_it_the_workflow_is_paused_visibly_and_its_runs_are_kept(
        self, ask: Ask, storm: str
    ) -> None:
        assert statuses() == ["completed"] * 3 + ["paused"] * 2
        shown = ask("get", storm).json()
        assert (shown["status"], shown["pause_reason"]) == ("paused", "safety")
        held = ask("get", "runs/?status=paused").json()["results"][0]
        assert (held["pause_reason"], held["error"]["code"]) == ("safety", "paused_for_safety")
        event = AuditEvent.objects.get(action="workflow.paused_for_safety")
        assert (event.actor_kind, event.detail["runs_per_minute"]) == ("system", 3)

    def test_they_go_on_when_somebody_resumes_it_and_do_not_count_again(
        self, ask: Ask, storm: str, deliver: Any, pagerduty: responses.RequestsMock
    ) -> None:
        shown = ask("patch", storm, {"status": "active"}).json()
        add_note(pagerduty, incident="P9")
        deliver(incident_event(incident="P9"))
        worker.drain()

        assert (shown["status"], shown["pause_reason"]) == ("active", "")
        assert statuses() == ["completed"] * 6

    def test_publishing_it_again_resumes_it_too(self, ask: Ask, storm: str) -> None:
        assert ask("post", f"{storm}publish/").json()["status"] == "active"
        worker.drain()
        assert statuses() == ["completed"] * 5

    def test_archiving_it_ends_them(self, ask: Ask, storm: str) -> None:
        ask("patch", storm, {"status": "archived"})
        assert statuses() == ["completed"] * 3 + ["cancelled"] * 2

    def test_a_run_held_at_the_moment_of_resuming_is_found_later(self, storm: str) -> None:
        Workflow.objects.update(status="active", pause_reason="")
        worker.housekeeping()
        worker.drain()
        assert statuses() == ["completed"] * 5

    def test_one_held_run_can_be_let_go_alone(self, ask: Ask, storm: str) -> None:
        run = Run.objects.filter(status="paused").earliest("seq")
        assert ask("post", f"runs/{run.id}/resume/").json()["status"] == "pending"
        worker.drain()
        assert statuses() == ["completed"] * 4 + ["paused"]

    def test_a_person_pausing_it_keeps_what_is_held_and_takes_nothing_new(
        self, ask: Ask, storm: str, deliver: Any
    ) -> None:
        assert ask("patch", storm, {"status": "paused"}).json()["pause_reason"] == ""
        deliver(incident_event(incident="P9"))
        worker.drain()
        assert statuses() == ["completed"] * 3 + ["paused"] * 2


def test_runs_of_an_earlier_minute_do_not_count(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    lifecycle.set_pace(actor=SYSTEM, workflow=note_workflow, max_runs_per_minute=1)
    deliver(incident_event())
    worker.drain()
    Run.objects.update(created_at=timezone.now() - safety_limit.WINDOW - timedelta(seconds=1))
    deliver(incident_event())

    worker.drain()

    assert statuses() == ["completed", "completed"]


@pytest.mark.parametrize("wanted", [0, 601, "many", None])
def test_the_limit_is_between_1_and_600(ask: Ask, note_workflow: Workflow, wanted: Any) -> None:
    answer = ask("patch", f"workflows/{note_workflow.pk}/", {"max_runs_per_minute": wanted})

    assert answer.status_code == 400
    assert "max_runs_per_minute" in answer.json()["error"]["fields"]


def test_a_workflow_can_be_made_with_its_limit(ask: Ask, trigger: Trigger, connection: Connection) -> None:
    draft = publish(trigger, connection).draft
    body = {"name": "x", "trigger": str(trigger.pk), "steps": draft["steps"], "max_runs_per_minute": 5}

    assert ask("post", "workflows/", body).json()["max_runs_per_minute"] == 5


class TestSingleRuns:
    @pytest.fixture
    def run(self, deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock) -> Run:
        """One that waits for half a minute."""
        add_note(pagerduty, status=429, json={}, headers={"Retry-After": "30"})
        deliver(incident_event())
        worker.drain()
        return Run.objects.get()

    def test_a_paused_run_stays_until_it_is_resumed_and_then_waits_for_its_time(
        self, ask: Ask, run: Run
    ) -> None:
        paused = ask("post", f"runs/{run.id}/pause/").json()
        assert (paused["status"], paused["pause_reason"]) == ("paused", "person")
        Run.objects.update(due_at=timezone.now())
        assert worker.drain() == 0

        resumed = ask("post", f"runs/{run.id}/resume/").json()

        assert (resumed["status"], resumed["pause_reason"]) == ("waiting", "")
        assert Run.objects.get().due_at == ActionCall.objects.get().next_attempt_at
        assert {"run.paused", "run.resumed"} <= set(AuditEvent.objects.values_list("action", flat=True))

    def test_a_paused_run_can_be_cancelled(self, ask: Ask, run: Run) -> None:
        ask("post", f"runs/{run.id}/pause/")
        cancelled = ask("post", f"runs/{run.id}/cancel/").json()
        assert (cancelled["status"], cancelled["pause_reason"]) == ("cancelled", "")

    def test_what_is_not_waiting_is_not_paused_and_what_is_not_paused_not_resumed(
        self, ask: Ask, run: Run
    ) -> None:
        assert ask("post", f"runs/{run.id}/resume/").json()["error"]["code"] == "run_not_paused"
        ask("post", f"runs/{run.id}/cancel/")
        assert ask("post", f"runs/{run.id}/pause/").json()["error"]["code"] == "run_not_idle"

    def test_a_run_that_waits_for_its_connection_is_not_resumed_by_hand(self, ask: Ask, run: Run) -> None:
        Run.objects.update(status="paused", blocked_on=ActionCall.objects.get().connection)
        answer = ask("post", f"runs/{run.id}/resume/")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "reconnection_needed")
