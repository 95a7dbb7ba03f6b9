"""What a step does when its turn comes: only if, and what an error means for the rest."""

from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone

from connections.models import Connection
from tests.factories import API, Ask, add_note, incident_event, note_step, publish
from tests.support.present import present
from tests.workflows.engine.test_engine import make_everything_due
from tests.workflows.expressions.test_unknown_fields import create_step
from workflows import worker
from workflows.models import ActionCall, Run, Trigger

pytestmark = pytest.mark.django_db

LOW = {"match": "all", "rows": [["trigger.incident.urgency", "equals", "low"]]}
CREATED = {"match": "all", "rows": [["steps.create.incident.id", "exists", True]]}


def statuses() -> list[str]:
    return list(Run.objects.get().steps.values_list("status", flat=True))


class TestOnlyIf:
    def test_a_step_whose_only_if_does_not_hold_is_skipped_and_so_is_what_asks_for_it(
        self, deliver: Any, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        sent = add_note(pagerduty)
        note = note_step(connection, key="about_it", only_if=CREATED)
        note["input"] = note["input"] | {"content": "{{ steps.create.incident.id }}"}
        last = note_step(connection)
        publish(trigger, connection, steps=[create_step(connection, only_if=LOW), note, last])
        deliver(incident_event())

        worker.drain()

        assert Run.objects.get().status == "completed"
        assert statuses() == ["skipped", "skipped", "completed"]
        assert sent.call_count == ActionCall.objects.count() == 1

    def test_a_step_that_uses_what_was_skipped_fails_and_names_it(
        self, deliver: Any, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        note = note_step(connection)
        note["input"] = note["input"] | {"content": "{{ steps.create.incident.id }}"}
        publish(trigger, connection, steps=[create_step(connection, only_if=LOW), note])
        deliver(incident_event())

        worker.drain()

        run = Run.objects.get()
        assert run.status == "failed"
        assert (
            "content: Step create has no output: it was skipped, or it failed."
            in present(run.error)["message"]
        )

    def test_a_step_whose_only_if_holds_happens_and_the_api_says_what_was_skipped(
        self,
        ask: Ask,
        deliver: Any,
        trigger: Trigger,
        connection: Connection,
        pagerduty: responses.RequestsMock,
    ) -> None:
        pagerduty.post(
            f"{API}/incidents",
            status=201,
            json={"incident": {"id": "PNEW", "title": "x", "status": "triggered"}},
        )
        skipped = note_step(connection, only_if=LOW)
        publish(trigger, connection, steps=[create_step(connection, only_if={"rows": []}), skipped])
        deliver(incident_event())

        worker.drain()

        steps = ask("get", f"runs/{Run.objects.get().id}/").json()["steps"]
        assert [step["status"] for step in steps] == ["completed", "skipped"]
        assert (steps[1]["call"], steps[1]["input"], steps[1]["error"]) == (None, None, None)

    def test_an_only_if_that_cannot_be_meant_names_step_and_row(
        self, ask: Ask, trigger: Trigger, connection: Connection
    ) -> None:
        only_if = {"match": "all", "rows": [["trigger.incident.title", "sounds_like", "x"]]}
        steps = [note_step(connection, only_if=only_if)]

        answer = ask("post", "workflows/", {"name": "x", "trigger": str(trigger.pk), "steps": steps})

        said = answer.json()["error"]["fields"]["steps"]["0"]["only_if"][0]
        assert said.startswith("Row 1: there is no operator sounds_like.")


class TestRetry:
    @pytest.fixture
    def run(self, trigger: Trigger, connection: Connection, deliver: Any) -> None:
        publish(trigger, connection, steps=[note_step(connection, on_error="retry")])
        deliver(incident_event())

    def used_up(self) -> None:
        """Its six hours of attempts are over."""
        ActionCall.objects.update(created_at=timezone.now() - timedelta(hours=7))
        make_everything_due()
        worker.drain()

    def test_when_its_attempts_are_used_up_it_has_three_further_ones_and_then_stops(
        self, run: None, pagerduty: responses.RequestsMock
    ) -> None:
        sent = add_note(pagerduty, status=503, json={})
        pagerduty.get(f"{API}/incidents/PINC1/notes", json={"notes": []})
        worker.drain()
        for rounds, wait in enumerate((30, 120, 360), start=1):
            ActionCall.objects.update(settles_at=None)
            self.used_up()
            call = ActionCall.objects.get()
            assert (Run.objects.get().status, call.status, call.rounds) == ("waiting", "waiting", rounds)
            due_in = Run.objects.get().due_at - timezone.now()
            assert timedelta(minutes=wait - 1) < due_in <= timedelta(minutes=wait)
            assert worker.drain() == 0, "it waits as a row"

        ActionCall.objects.update(settles_at=None)
        self.used_up()

        assert (Run.objects.get().status, ActionCall.objects.get().status) == ("failed", "failed")
        assert statuses() == ["failed"]
        assert sent.call_count == 5

    def test_a_further_round_can_succeed(self, run: None, pagerduty: responses.RequestsMock) -> None:
        add_note(pagerduty, status=503, json={})
        pagerduty.get(f"{API}/incidents/PINC1/notes", json={"notes": []})
        worker.drain()
        ActionCall.objects.update(settles_at=None)
        self.used_up()
        add_note(pagerduty)
        ActionCall.objects.update(settles_at=None)

        self.used_up()

        assert (Run.objects.get().status, statuses()) == ("completed", ["completed"])

    def test_a_refusal_is_not_tried_again(self, run: None, pagerduty: responses.RequestsMock) -> None:
        sent = add_note(
            pagerduty, status=404, json={"error": {"code": 5001, "message": "Incident Not Found"}}
        )

        worker.drain()

        assert (Run.objects.get().status, ActionCall.objects.get().rounds) == ("failed", 0)
        assert sent.call_count == 1
