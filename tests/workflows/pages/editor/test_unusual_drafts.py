"""The editor with what it did not make itself, with what is gone by now, and with two people at once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections.models import Connection, Workspace
from tests.factories import SYSTEM, People, connect, incident_event, note_step
from tests.support.browser import text
from tests.workflows.pages.editor.drafting import NOTE, add_note_step, address, step_address, steps_of
from workflows.authoring import drafts, validation
from workflows.authoring import lifecycle as authoring
from workflows.models import Trigger, Workflow
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
Deliver = Callable[..., Any]


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


@pytest.fixture
def draft(trigger: Trigger) -> Workflow:
    return authoring.create(
        actor=SYSTEM, trigger=trigger, name="Notes", definition=drafts.EMPTY, unfinished=True
    )


def put(draft: Workflow, **definition: Any) -> None:
    """As something else than the editor may have left it."""
    Workflow.objects.filter(pk=draft.pk).update(draft={**drafts.EMPTY, **definition})
    draft.refresh_from_db()


def step(connection: Connection, **changes: Any) -> dict[str, Any]:
    return note_step(connection, name="Note", on_error="stop") | changes


def test_one_step_more_than_fit_is_refused_with_words(
    bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    put(draft, steps=[step(connection, key=f"s{number}") for number in range(validation.MAX_STEPS)])

    assert "Step limit reached." in text(bob.get(address(draft, "edit")))
    answer = add_note_step(bob, draft, connection)

    assert answer.status_code == 400
    assert "Runbook for" in text(answer)
    assert len(steps_of(draft)) == validation.MAX_STEPS


def test_an_expression_among_checkboxes_is_shown_and_kept(
    bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    given = {"statuses": ["{{ trigger.incident.status }}"]}
    put(draft, steps=[step(connection, key="list", action="pagerduty/list-incidents", input=given)])
    page = bob.get(address(draft, "step", "list")).content.decode()
    assert 'value="{{ trigger.incident.status }}"' in page

    data = {"name": "List", "on_error": "stop", "connection": connection.pk}
    answer = bob.post(address(draft, "step", "list"), data | {"in-statuses": "{{ trigger.incident.status }}"})

    assert answer.status_code == 302, text(answer)
    assert steps_of(draft)[0]["input"] == given


def test_conditions_that_cannot_be_typed_stay_when_they_are_left_alone(bob: Client, draft: Workflow) -> None:
    rows = [
        ["trigger.incident.title", "one_of", ["a, b", ""]],
        ["trigger.incident.title", "equals", ""],
        ["trigger.incident.title", "contains", " down "],
        ["trigger.incident.number", "greater", 7],
    ]
    put(draft, conditions={"match": "all", "rows": rows})
    shown = bob.get(address(draft, "conditions")).context["form"].rows
    columns = {name: [getattr(row, name) for row in shown] for name in ("field", "operator", "value")}

    answer = bob.post(address(draft, "conditions"), {"match": "any", **columns})

    assert answer.status_code == 302, text(answer)
    draft.refresh_from_db()
    assert draft.draft["conditions"] == {"match": "any", "rows": rows}


def test_what_needs_mending_is_listed_and_hinders_nothing_but_publishing(
    bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    put(
        draft,
        steps=[
            step(connection, key="one", name="One", action="pagerduty/gone"),
            step(connection, key="two", name="Two", action="pagerduty/gone"),
        ],
    )
    assert "One: There is no action pagerduty/gone." in text(bob.get(address(draft, "edit")))
    for where in ("step", "conditions", "rehearsal", "publish"):
        path = address(draft, where, *(["one"] if where == "step" else []))
        assert (bob.post if where == "publish" else bob.get)(path).status_code < 500

    row = {"field": ["trigger.incident.urgency"], "operator": ["equals"], "value": ["high"]}
    assert bob.post(address(draft, "conditions"), {"match": "all", **row}).status_code == 302
    assert add_note_step(bob, draft, connection).status_code == 302
    assert "One is removed" in text(bob.post(address(draft, "remove", "one"), follow=True))
    bob.post(address(draft, "remove", "two"))
    assert [one["key"] for one in steps_of(draft)] == ["runbook"]
    assert "Version 1 is published" in text(bob.post(address(draft, "publish"), follow=True))


def test_a_step_that_others_use_can_go_and_they_say_so(
    bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    add_note_step(bob, draft, connection)
    add_note_step(bob, draft, connection, name="After", in_content="{{ steps.runbook.note.id }}")

    page = text(bob.post(address(draft, "remove", "runbook"), follow=True))

    assert "Fix these issues to publish: After, Note: There is no earlier step runbook." in page
    refused = text(bob.post(address(draft, "publish"), follow=True))
    assert "Not published. After, Note: There is no earlier step runbook." in refused


def test_a_step_moves_to_another_connection_when_its_own_is_revoked(
    bob: Client, who: People, draft: Workflow, connection: Connection, provider: Any
) -> None:
    add_note_step(bob, draft, connection)
    other = connect(who.acme, "Second")
    Connection.objects.filter(pk=connection.pk).update(status="revoked", revoked_at=timezone.now())

    assert "was revoked. Edit the step" in text(bob.get(address(draft, "edit")))
    assert "was revoked: choose another" in text(bob.post(address(draft, "publish"), follow=True))
    page = bob.get(address(draft, "step", "runbook"))
    assert f'name="connection" value="{other.pk}"' in page.content.decode()
    bob.post(address(draft, "step", "runbook"), NOTE | {"connection": str(other.pk), "shown": str(other.pk)})

    assert steps_of(draft)[0]["connection"] == str(other.pk)
    assert "Version 1 is published" in text(bob.post(address(draft, "publish"), follow=True))


def test_choosing_another_connection_shows_its_lists_before_anything_is_stored(
    bob: Client, who: People, draft: Workflow, connection: Connection, provider: Any
) -> None:
    other = connect(who.acme, "Second")
    data = NOTE | {"connection": str(other.pk), "shown": str(connection.pk)}

    answer = bob.post(step_address(draft, connection, "create-incident-note"), data)

    assert answer.status_code == 200
    assert "Options reloaded for Second" in text(answer)
    assert steps_of(draft) == []


def test_two_people_do_not_undo_each_others_steps(draft: Workflow, connection: Connection) -> None:
    mine, theirs = Workflow.objects.get(), Workflow.objects.get()
    for copy, key in ((mine, "mine"), (theirs, "theirs")):
        made = step(connection, key=key)
        authoring.edit(
            actor=SYSTEM,
            workflow=copy,
            change=lambda fresh, made=made: drafts.with_step(fresh, made),  # type: ignore[misc]
            refuse=lambda detail: True,
        )
    renamed = Workflow.objects.get()
    bystander = Workflow.objects.get()
    authoring.edit(
        actor=SYSTEM,
        workflow=renamed,
        change=lambda fresh: drafts.without_step(fresh, "mine"),
        refuse=lambda detail: True,
    )
    authoring.change(actor=SYSTEM, workflow=bystander, name="Another name")

    assert [one["key"] for one in steps_of(draft)] == ["theirs"]


def test_without_its_trigger_it_is_not_resumed(bob: Client, note_workflow: Workflow) -> None:
    lifecycle.delete(actor=SYSTEM, trigger=note_workflow.trigger)

    page = text(bob.post(address(note_workflow, "resume"), follow=True))

    assert "The trigger of this workflow was deleted." in page
    assert "events no longer start it" in text(bob.get(address(note_workflow, "edit")))
    note_workflow.refresh_from_db()
    assert note_workflow.status == "paused"


def test_enter_stores_the_step(bob: Client, draft: Workflow, connection: Connection, provider: Any) -> None:
    page = bob.get(step_address(draft, connection, "create-incident-note")).content.decode()
    form = page.partition('id="step"')[2]

    assert form.index("Save step</button>") < form.index('name="more"')


def test_characters_that_no_page_can_carry_are_shown_as_others(
    bob: Client, draft: Workflow, connection: Connection, provider: Any, deliver: Deliver
) -> None:
    add_note_step(bob, draft, connection)
    deliver(incident_event(title="\ud800 and \u0000"))
    event = draft.trigger.events.get()

    answer = bob.get(f"{reverse('workflows:rehearsal', args=[draft.pk])}?event={event.id}")

    assert answer.status_code == 200
    assert "Runbook for ? and" in text(answer)
