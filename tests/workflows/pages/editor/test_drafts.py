"""From nothing to a run, and who may edit what."""

from typing import Any

import pytest
import responses
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.models import Connection
from tests.factories import SYSTEM, People, incident_event
from tests.support.browser import signed_in, text
from tests.workflows.pages.editor.drafting import Deliver, add_note_step, address, step_address, steps_of
from workflows import worker
from workflows.authoring import lifecycle
from workflows.expressions.filters.table import FILTERS
from workflows.models import Run, Trigger, Workflow

pytestmark = pytest.mark.django_db


def test_from_nothing_to_a_run(
    bob: Client, trigger: Trigger, connection: Connection, provider: responses.RequestsMock, deliver: Deliver
) -> None:
    begun = bob.post(reverse("workflows:add"), {"trigger": trigger.pk, "name": "Runbook note"})
    workflow = Workflow.objects.get()
    assert begun["Location"] == address(workflow, "edit")
    assert "Add your first action." in text(bob.get(begun["Location"]))

    rows = {
        "match": "all",
        "field": ["trigger.incident.urgency", ""],
        "operator": ["equals", "equals"],
        "value": ["high", ""],
    }
    assert bob.post(address(workflow, "conditions"), rows)["Location"] == address(workflow, "edit")
    assert add_note_step(bob, workflow, connection)["Location"] == address(workflow, "edit")
    page = text(bob.get(address(workflow, "edit")))
    assert "Incident urgency is high" in page
    assert "Runbook Create incident note On Acme." in page

    published = bob.post(address(workflow, "publish"), follow=True)
    assert "Version 1 is published" in text(published)
    deliver(incident_event(urgency="low"))
    deliver(incident_event(title="Payments are slow"))
    worker.drain()
    run = Run.objects.get()
    assert run.status == "completed", run.error
    call = run.steps.get().call
    assert call is not None
    assert call.input["content"] == "Runbook for Payments are slow"


def test_a_draft_without_steps_is_not_published(bob: Client, draft: Workflow) -> None:
    page = text(bob.post(address(draft, "publish"), follow=True))

    assert "Not published. Add at least one step." in page
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_it_is_renamed(bob: Client, draft: Workflow) -> None:
    assert bob.post(address(draft, "rename"), {"name": "Another\nline"}).status_code == 400
    bob.post(address(draft, "rename"), {"name": "Another"})
    draft.refresh_from_db()
    assert draft.name == "Another"


@pytest.mark.parametrize(("limit", "stored"), [("7", 7), ("", 300), ("0", 300), ("601", 300), ("x", 300)])
def test_its_safety_limit_can_be_changed(bob: Client, draft: Workflow, limit: str, stored: int) -> None:
    answer = bob.post(address(draft, "rename"), {"name": "Notes", "max_runs_per_minute": limit})

    assert answer.status_code == (302 if limit in ("7", "") else 400)
    draft.refresh_from_db()
    assert draft.max_runs_per_minute == stored


def test_without_a_connection_there_is_nothing_to_begin_on(bob: Client) -> None:
    assert "Connect an account first" in text(bob.get(reverse("workflows:add")))


def test_strangers_and_archived_ones_find_no_editor(
    bob: Client, who: People, draft: Workflow, connection: Connection, provider: Any
) -> None:
    add_note_step(bob, draft, connection)
    stranger = signed_in(who.charlie)
    ways = [address(draft, name) for name in ("edit", "rename", "conditions", "rehearsal", "choose")]
    ways += [step_address(draft, connection, "get-incident"), address(draft, "step", "runbook")]
    assert [stranger.get(way).status_code for way in ways] == [404] * len(ways)
    assert (
        stranger.post(reverse("workflows:add"), {"trigger": draft.trigger_id, "name": "x"}).status_code == 400
    )

    lifecycle.set_status(actor=SYSTEM, workflow=draft, status="archived")
    assert [bob.get(way).status_code for way in ways] == [404] * len(ways)


def test_a_connection_of_another_workspace_is_none(
    bob: Client, who: People, draft: Workflow, provider: Any
) -> None:
    from tests.factories import connect

    foreign = connect(who.other)

    assert bob.get(step_address(draft, foreign, "get-incident")).status_code == 404


def test_the_editor_asks_the_same_for_many_steps(
    bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as seen:
            assert bob.get(address(draft, "edit")).status_code == 200
        return len(seen)

    add_note_step(bob, draft, connection)
    few = queries()
    for number in range(10):
        add_note_step(bob, draft, connection, name=f"Step {number}")

    assert len(steps_of(draft)) == 11
    assert queries() == few


def test_the_editor_has_the_filters_of_the_reference(
    bob: Client, draft: Workflow, connection: Connection, provider: responses.RequestsMock
) -> None:
    page = text(bob.get(step_address(draft, connection, "create-incident-note")))

    for one in FILTERS.values():
        assert " ".join(f"{one.does}: {one.example} gives {one.result}".split()) in page
