"""Testing a draft for real: one run through the one pipeline, once, marked, and invisible to other workflows."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import responses
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from connections.models import Connection, Workspace
from core.errors import Problem
from tests.factories import SYSTEM, Ask, People, add_note, asking, incident_event, note_step, publish
from tests.support.browser import text
from workflows import worker
from workflows.authoring import draft_tests, drafts, lifecycle
from workflows.models import Event, Hook, HookDelivery, Run, Trace, Trigger, Workflow
from workflows.runs import bulk_replay, control, replay

pytestmark = pytest.mark.django_db
Deliver = Callable[..., Any]
NEVER = {"match": "all", "rows": [["trigger.incident.title", "equals", "never"]]}


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


@pytest.fixture
def draft(trigger: Trigger, connection: Connection) -> Workflow:
    """Never published."""
    definition = {"steps": [note_step(connection)]}
    return lifecycle.create(actor=SYSTEM, trigger=trigger, name="Notes", definition=definition)


def page_of(draft: Workflow, event: Event | None = None) -> str:
    address = reverse("workflows:test", args=[draft.pk])
    return f"{address}?event={event.id}" if event else address


def ask_and_agree(bob: Client, draft: Workflow, event: Event | None = None) -> tuple[str, dict[str, str]]:
    """The page that asks, as text, and what its button sends."""
    asked = bob.get(page_of(draft, event), follow=True)
    assert asked.status_code == 200
    context = asked.context
    return text(asked), {"_once": context["once"], "draft": context["mark"]}


def test_a_draft_runs_for_real_on_one_of_the_last_events(
    bob: Client, draft: Workflow, connection: Connection, deliver: Deliver, pagerduty: responses.RequestsMock
) -> None:
    sent = add_note(pagerduty)
    deliver(incident_event())
    worker.drain()
    event = Event.objects.get()
    assert not Run.objects.exists()

    said, form = ask_and_agree(bob, draft, event)
    assert f"On {connection.label}" in said
    assert "Runbook for Payments are slow" in said
    assert not Run.objects.exists()

    answer = bob.post(page_of(draft, event), form)
    run = Run.objects.get()
    assert answer["Location"] == reverse("workflows:run", args=[run.id])
    assert sent.call_count == 0  # workers do it
    worker.drain()

    run.refresh_from_db()
    assert (run.status, run.version, run.event, run.replay) == ("completed", None, event, 0)
    assert run.tested == draft.draft
    assert sent.call_count == 1
    assert run.steps.get().call.origin == "step"  # type: ignore[union-attr]
    assert Trace.objects.get().run == run
    page = text(bob.get(answer["Location"]))
    assert "Test run" in page
    assert "Run again from start" not in page


def test_the_documented_event_starts_nothing_else_and_no_hook_hears_of_it(
    bob: Client, draft: Workflow, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    publish(trigger, connection)
    Hook.objects.create(
        workspace=draft.workspace, name="All", url="https://acme.example/hook", events=True, runs=True
    )
    _, form = ask_and_agree(bob, draft)
    bob.post(page_of(draft), form)
    event = Event.objects.get()
    sent = add_note(pagerduty, event.lane)
    worker.drain()

    assert (event.is_test, event.status) == (True, "done")
    assert Run.objects.get().workflow == draft
    assert (Run.objects.get().status, sent.call_count) == ("completed", 1)
    assert not HookDelivery.objects.exists()
    # It is not offered as one that arrived.
    assert str(event.id) not in bob.get(reverse("workflows:rehearsal", args=[draft.pk])).content.decode()


def test_a_double_click_makes_one_test(bob: Client, draft: Workflow) -> None:
    _, form = ask_and_agree(bob, draft)
    first, second = (bob.post(page_of(draft), form) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert (Run.objects.count(), Event.objects.count()) == (1, 1)
    run = Run.objects.get()
    run.pk, run.id = None, uuid.uuid4()
    with pytest.raises(IntegrityError):
        run.save(force_insert=True)


def test_where_the_conditions_do_not_hold_it_says_so_and_runs_nothing(bob: Client, draft: Workflow) -> None:
    lifecycle.change(actor=SYSTEM, workflow=draft, name="x", definition={**draft.draft, "conditions": NEVER})
    said, form = ask_and_agree(bob, draft)
    assert "Nothing to run: the event is filtered out." in said
    assert "Cancel" not in said

    answer = bob.post(page_of(draft), form)

    assert answer.status_code == 409
    assert "Not run: the event doesn’t match the filter" in text(answer)
    assert not Run.objects.exists()
    assert not Event.objects.exists()


def test_what_was_changed_after_the_question_does_not_run(bob: Client, draft: Workflow) -> None:
    _, form = ask_and_agree(bob, draft)
    step = {**draft.draft["steps"][0], "name": "Another"}
    lifecycle.change(actor=SYSTEM, workflow=draft, name="x", definition=drafts.with_step(draft.draft, step))

    answer = bob.post(page_of(draft), form)

    assert answer.status_code == 409
    assert "The draft has changed since this page was opened" in text(answer)
    assert not Run.objects.exists()


def test_a_form_without_its_key_and_a_foreign_event_run_nothing(
    bob: Client, draft: Workflow, deliver: Deliver, who: People, connection: Connection
) -> None:
    _, form = ask_and_agree(bob, draft)
    assert bob.post(page_of(draft), {"draft": form["draft"]}).status_code == 400
    for odd in (uuid.uuid4(), "nonsense"):
        assert bob.post(f"{page_of(draft)}?event={odd}", form).status_code == 404
    assert not Run.objects.exists()


def test_a_test_keeps_nobody_waiting_and_does_not_count(
    bob: Client, trigger: Trigger, connection: Connection, deliver: Deliver, pagerduty: responses.RequestsMock
) -> None:
    """Of the same workflow and incident: a test that is paused does not hold back what happens."""
    add_note(pagerduty)
    workflow = publish(trigger, connection)
    deliver(incident_event())
    worker.drain()
    event = Event.objects.get()
    test = draft_tests.start(actor=SYSTEM, workflow=workflow, event=event, once="a" * 32)
    control.pause(actor=SYSTEM, run=test)

    deliver(incident_event())
    worker.drain()

    assert [run.status for run in Run.objects.order_by("seq")] == ["completed", "paused", "completed"]
    control.cancel(actor=SYSTEM, run=test)
    assert len(bulk_replay.chosen_of(Run.objects.all())) == 2
    with pytest.raises(Problem, match="Test the draft again"):
        replay.replay(actor=SYSTEM, run=test)
    assert replay.replay(actor=SYSTEM, run=Run.objects.order_by("seq")[0])[0].replay == 1


def test_the_list_marks_tests_and_can_leave_them_out(
    bob: Client, ask: Ask, trigger: Trigger, connection: Connection, deliver: Deliver
) -> None:
    workflow = publish(trigger, connection)
    deliver(incident_event())
    worker.drain()
    draft_tests.start(actor=SYSTEM, workflow=workflow, event=Event.objects.get(), once="a" * 32)

    listed = {kind: text(bob.get(f"/runs/?kind={kind}")) for kind in ("", "real", "test")}
    found = {kind: page.count("Payments are slow") for kind, page in listed.items()}
    assert found == {"": 2, "real": 1, "test": 1}
    assert "Payments are slow Test run" in listed["test"]
    assert bob.get("/runs/?kind=nonsense").status_code == 400
    counted = {test: ask("get", f"runs/?test={test}").json()["results"] for test in ("true", "false")}
    assert [(run["test"], run["version"]) for run in counted["true"]] == [(True, None)]
    assert [(run["test"], run["version"]) for run in counted["false"]] == [(False, 1)]
    assert ask("get", "runs/?test=perhaps").json()["error"]["fields"] == {
        "test": ["Must be one of true, false."]
    }


class TestApi:
    def test_dry_is_what_it_does_unless_told_otherwise(self, ask: Ask, draft: Workflow) -> None:
        said = ask("post", f"workflows/{draft.pk}/test/", {}).json()

        assert (said["starts"], said["sound"]) == (True, True)
        assert said["steps"][0]["input"]["content"] == "Runbook for Checkout answers slowly"
        assert not Run.objects.exists()

    def test_for_real(
        self, ask: Ask, draft: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        sent = add_note(pagerduty)
        deliver(incident_event())
        worker.drain()
        body = {"event": str(Event.objects.get().id), "dry": False}

        made = ask("post", f"workflows/{draft.pk}/test/", body)
        worker.drain()

        assert made.status_code == 201
        assert (made.json()["test"], made.json()["version"]) == (True, None)
        assert ask("get", f"runs/{made.json()['id']}/").json()["status"] == "completed"
        assert sent.call_count == 1

    def test_what_it_refuses(self, client: Client, ask: Ask, draft: Workflow, connection: Connection) -> None:
        path = f"workflows/{draft.pk}/test/"
        unknown = ask("post", path, {"event": str(uuid.uuid4())})
        assert (unknown.status_code, list(unknown.json()["error"]["fields"])) == (400, ["event"])
        assert ask("post", path, {"dry": "perhaps"}).json()["error"]["fields"] == {
            "dry": ["Must be a valid boolean."]
        }
        writer = asking(client, draft.workspace, ["workflows:read", "workflows:write"])
        assert writer("post", path, {}).status_code == 200
        refused = writer("post", path, {"dry": False})
        assert refused.json()["error"]["detail"] == {"scope": "actions:run"}
        reader = asking(client, draft.workspace, ["workflows:read"])
        assert reader("post", path, {}).status_code == 403
        lifecycle.change(
            actor=SYSTEM, workflow=draft, name="x", definition={**draft.draft, "conditions": NEVER}
        )
        assert ask("post", path, {"dry": False}).json()["error"]["code"] == "conditions_do_not_hold"
        assert ask("post", path, {}).json()["starts"] is False
        lifecycle.set_status(actor=SYSTEM, workflow=draft, status="archived")
        assert ask("post", path, {"dry": False}).json()["error"]["code"] == "archived"
        assert not Run.objects.exists()
