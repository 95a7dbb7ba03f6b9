"""Test events: shown, and starting nothing unless a person chooses one workflow."""

from typing import Any

import pytest
import responses
from django.test import Client

from connections.models import AuditEvent, Connection, Workspace
from core.errors import Problem
from tests.factories import SYSTEM, Ask, People, add_note, arrive, asking, note_step, publish
from tests.support.browser import path, signed_in, text
from workflows import worker
from workflows.authoring import lifecycle as authoring
from workflows.models import Event, Hook, HookDelivery, Run, Trigger, Workflow
from workflows.runs import control
from workflows.triggers import lifecycle, test_events

pytestmark = pytest.mark.django_db
ONLY_LOW = {"match": "all", "rows": [["trigger.incident.urgency", "equals", "low"]]}


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


@pytest.fixture
def hook(trigger: Trigger) -> Any:
    return Hook.objects.create(
        workspace=trigger.workspace, name="Lake", url="https://lake.example/", events=True, runs=True
    )


class TestByItself:
    def test_it_starts_nothing_and_no_hook_is_told(
        self, trigger: Trigger, note_workflow: Workflow, hook: Any, pagerduty: responses.RequestsMock
    ) -> None:
        sent = add_note(pagerduty, incident="PSAMPLE1")

        event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)
        worker.drain()

        assert (event.is_test, event.status) == (True, "done")
        assert not Run.objects.exists()
        assert not HookDelivery.objects.exists()
        assert sent.call_count == 0

    def test_one_that_was_queued_before_an_upgrade_starts_nothing_either(
        self, trigger: Trigger, note_workflow: Workflow
    ) -> None:
        lifecycle.send_test(actor=SYSTEM, trigger=trigger)
        Event.objects.update(status="queued")

        worker.drain()

        assert Event.objects.get().status == "done"
        assert not Run.objects.exists()

    def test_what_decides_is_the_stored_mark_and_nothing_in_the_body(
        self, trigger: Trigger, note_workflow: Workflow, deliver: Any, pagerduty: responses.RequestsMock
    ) -> None:
        event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)
        add_note(pagerduty, incident="PSAMPLE1")
        twin = event.payload
        twin["event"]["id"] = "test-from-outside"

        assert deliver(twin).json() == {"status": "accepted"}
        worker.drain()

        assert Run.objects.get().event.external_id == "test-from-outside"


class TestOnOneWorkflow:
    def test_only_the_chosen_one_runs_and_only_once(
        self, trigger: Trigger, connection: Connection, hook: Any, pagerduty: responses.RequestsMock
    ) -> None:
        sent = add_note(pagerduty, incident="PSAMPLE1")
        chosen, _ = publish(trigger, connection), publish(trigger, connection)
        event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)

        runs = {test_events.start(actor=SYSTEM, event=event, workflow=chosen).pk for _ in range(2)}
        worker.drain()

        assert runs == {Run.objects.get().pk}
        assert (Run.objects.get().workflow, Run.objects.get().status) == (chosen, "completed")
        assert sent.call_count == 1
        assert AuditEvent.objects.filter(action="workflow.ran_on_test").count() == 1
        assert not HookDelivery.objects.exists(), "hooks are told of no test"

    def test_a_cancelled_one_is_told_to_no_hook(
        self, trigger: Trigger, note_workflow: Workflow, hook: Any
    ) -> None:
        event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)
        control.cancel(actor=SYSTEM, run=test_events.start(actor=SYSTEM, event=event, workflow=note_workflow))

        assert not HookDelivery.objects.exists()

    def test_what_cannot_run_is_refused_by_name(self, trigger: Trigger, connection: Connection) -> None:
        event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)
        draft = authoring.create(
            actor=SYSTEM, trigger=trigger, name="D", definition={"steps": [note_step(connection)]}
        )
        paused = publish(trigger, connection)
        Workflow.objects.filter(pk=paused.pk).update(status="paused")
        paused.refresh_from_db()
        other = lifecycle.create(
            actor=SYSTEM, connection=connection, key="pagerduty/incident-resolved", name="Other"
        )
        for workflow, code in (
            (draft, "not_published"),
            (paused, "workflow_not_active"),
            (publish(trigger, connection, conditions=ONLY_LOW), "conditions_do_not_hold"),
            (publish(other, connection), "not_found"),
        ):
            with pytest.raises(Problem) as refused:
                test_events.start(actor=SYSTEM, event=event, workflow=workflow)
            assert refused.value.code == code
        assert not Run.objects.exists()

    def test_a_genuine_event_is_not_taken(self, trigger: Trigger, note_workflow: Workflow) -> None:
        arrive(trigger)
        with pytest.raises(Problem) as refused:
            test_events.start(actor=SYSTEM, event=Event.objects.get(), workflow=note_workflow)
        assert refused.value.code == "not_a_test"


class TestOverTheApi:
    def test_without_a_workflow_nothing_runs(
        self, ask: Ask, trigger: Trigger, note_workflow: Workflow
    ) -> None:
        answer = ask("post", f"triggers/{trigger.pk}/test/")

        assert (answer.status_code, answer.json()["is_test"], answer.json()["run"]) == (201, True, None)
        worker.drain()
        assert not Run.objects.exists()

    def test_the_chosen_workflow_runs(
        self, ask: Ask, trigger: Trigger, note_workflow: Workflow, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty, incident="PSAMPLE1")

        answer = ask("post", f"triggers/{trigger.pk}/test/", {"workflow": str(note_workflow.pk)})
        worker.drain()

        assert answer.status_code == 201
        assert answer.json()["run"] == str(Run.objects.get().id)
        assert Run.objects.get().status == "completed"

    def test_a_key_without_actions_run_may_send_one_but_run_nothing(
        self, client: Client, trigger: Trigger, note_workflow: Workflow
    ) -> None:
        ask = asking(client, trigger.workspace, ["triggers:write", "workflows:write"])

        refused = ask("post", f"triggers/{trigger.pk}/test/", {"workflow": str(note_workflow.pk)})

        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_scope")
        assert refused.json()["error"]["detail"] == {"scope": "actions:run"}
        assert not Event.objects.exists()
        assert ask("post", f"triggers/{trigger.pk}/test/").status_code == 201

    def test_what_is_refused_leaves_no_event(
        self, ask: Ask, trigger: Trigger, connection: Connection
    ) -> None:
        other = lifecycle.create(
            actor=SYSTEM, connection=connection, key="pagerduty/incident-resolved", name="Other"
        )
        for workflow, status in (
            (publish(trigger, connection, conditions=ONLY_LOW), 409),
            (publish(other, connection), 404),
        ):
            answer = ask("post", f"triggers/{trigger.pk}/test/", {"workflow": str(workflow.pk)})
            assert answer.status_code == status
        assert not Event.objects.exists()


class TestOnThePages:
    @pytest.fixture
    def page(self, who: People, trigger: Trigger, connection: Connection) -> str:
        self.bob = signed_in(who.bob)
        self.workflow = publish(trigger, connection)
        self.bob.post(path("test", trigger))
        return path("delivery", trigger, Event.objects.get().id)

    def test_the_delivery_offers_the_workflows_and_asks_first(self, page: str, trigger: Trigger) -> None:
        shown = text(self.bob.get(page))
        assert "It starts no workflow automatically" in shown
        assert "Note…" in shown

        address = f"{page}run/{self.workflow.pk}/"
        asked = text(self.bob.get(address))
        assert "Create incident note" in asked
        assert "Runbook for Checkout answers slowly" in asked
        assert "may page people" in asked
        assert not Run.objects.exists()

        made = self.bob.post(address, {"version": "1"})
        assert made["Location"] == f"/runs/{Run.objects.get().id}/"
        assert "Note…" not in text(self.bob.get(page)), "it has run on it"

    def test_a_version_published_meanwhile_is_asked_about_again(self, page: str) -> None:
        answer = self.bob.post(f"{page}run/{self.workflow.pk}/", {"version": "7"})

        assert answer.status_code == 409
        assert not Run.objects.exists()

    def test_conditions_that_do_not_hold_are_shown_with_their_values(
        self, page: str, trigger: Trigger, connection: Connection
    ) -> None:
        low = publish(trigger, connection, conditions=ONLY_LOW)

        asked = text(self.bob.get(f"{page}run/{low.pk}/"))

        assert "The test event doesn’t meet the workflow’s conditions" in asked
        assert "Incident urgency is low: no (it is high)" in asked
        assert "Run test" not in asked

    def test_a_genuine_delivery_and_a_foreign_one_have_no_such_page(
        self, page: str, who: People, trigger: Trigger
    ) -> None:
        address = f"{page}run/{self.workflow.pk}/"
        assert signed_in(who.charlie).get(address).status_code == 404
        Event.objects.update(is_test=False)
        assert self.bob.get(address).status_code == 404
        assert self.bob.post(address, {"version": "1"}).status_code == 404
