"""The editor of workflows: from an empty draft to a published one, and what it refuses on the way."""

from collections.abc import Callable
from typing import Any

import pytest
import responses
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.models import Connection, Workspace
from pagerduty_app.actions import ACTIONS
from tests.factories import DANA, SYSTEM, People, incident_event, note_step
from tests.support.agency import SENT, lines
from tests.support.browser import signed_in, text
from workflows import worker
from workflows.authoring import drafts, lifecycle
from workflows.expressions.filters.table import FILTERS
from workflows.models import Run, Trigger, Workflow

pytestmark = pytest.mark.django_db
Deliver = Callable[..., Any]
TITLE = "{{ trigger.incident.title }}"
NOTE = {
    "name": "Runbook",
    "on_error": "stop",
    "in-from": DANA,
    "in-incident_id": "{{ trigger.incident.id }}",
    "in-content": f"Runbook for {TITLE}",
}


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


@pytest.fixture
def draft(trigger: Trigger) -> Workflow:
    return lifecycle.create(
        actor=SYSTEM, trigger=trigger, name="Notes", definition=drafts.EMPTY, unfinished=True
    )


def address(workflow: Workflow, name: str, *more: Any) -> str:
    return reverse(f"workflows:{name}", args=[workflow.pk, *more])


def step_address(workflow: Workflow, connection: Connection, action: str, name: str = "add_step") -> str:
    return address(workflow, name, connection.pk, "pagerduty", action)


def add_note_step(bob: Client, draft: Workflow, connection: Connection, **changes: str) -> Any:
    data = (
        NOTE
        | {"connection": str(connection.pk)}
        | {name.replace("in_", "in-", 1): value for name, value in changes.items()}
    )
    return bob.post(step_address(draft, connection, "create-incident-note"), data)


def steps_of(workflow: Workflow) -> list[dict[str, Any]]:
    workflow.refresh_from_db()
    found: list[dict[str, Any]] = workflow.draft["steps"]
    return found


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


class TestAStep:
    @pytest.mark.parametrize("action", sorted(SENT))
    def test_each_action_has_a_form_that_stores_what_is_entered(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any, action: str
    ) -> None:
        where = step_address(draft, connection, action)
        page = bob.get(where).content.decode()
        data: dict[str, Any] = {"name": "A step", "on_error": "continue", "connection": connection.pk}
        for name, value in SENT[action].items():
            assert f'name="in-{name}"' in page
            data[f"in-{name}"] = "true" if value is True else lines(value)

        answer = bob.post(where, data)

        assert answer.status_code == 302, text(answer)
        (step,) = steps_of(draft)
        wanted = {name: "true" if value is True else value for name, value in SENT[action].items()}
        assert {name: str(value) for name, value in step["input"].items()} == {
            name: str(value) for name, value in wanted.items()
        }
        assert (step["key"], step["on_error"], step["action"]) == (
            "a_step",
            "continue",
            f"pagerduty/{action}",
        )

    def test_the_table_of_actions_tried_here_is_complete(self) -> None:
        assert {action.path[1] for action in ACTIONS.values()} == set(SENT)

    def test_where_one_chooses_an_expression_does_as_well(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any
    ) -> None:
        where = step_address(draft, connection, "create-incident")
        assert "A field of the trigger or a step…" in text(bob.get(where))
        data = {
            "name": "Follow-up",
            "on_error": "stop",
            "connection": connection.pk,
            "in-from": DANA,
            "in-service_id": "=",
            "in-service_id__expression": "{{ trigger.incident.service.id }}",
            "in-title": f"Follow-up of {TITLE}",
        }

        answer = bob.post(where, data)
        assert answer.status_code == 302, text(answer)

        (step,) = steps_of(draft)
        assert step["input"]["service_id"] == "{{ trigger.incident.service.id }}"
        again = bob.get(address(draft, "step", step["key"])).content.decode()
        assert 'value="{{ trigger.incident.service.id }}"' in again
        assert '<option value="=" selected>' in again

    def test_lists_take_values_and_expressions_apart_by_commas(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any
    ) -> None:
        service = '{{ trigger.incident.service.id | default: "A,B" }}'
        ids = f"PSVC1, {service},PSVC2"
        data = {"name": "All", "on_error": "stop", "connection": connection.pk, "in-service_ids": ids}

        bob.post(step_address(draft, connection, "list-incidents"), data)

        assert steps_of(draft)[0]["input"]["service_ids"] == ["PSVC1", service, "PSVC2"]

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"in_from": ""}, "This field is required."),
            ({"in_from": "nobody"}, "valid email"),
            ({"in_content": "{{ trigger.incident.id "}, "has to end with }}"),
            ({"in_content": "{% for a in b %}"}, "Tags such as"),
            ({"in_content": "{{ trigger.incident.id | nope }}"}, "There is no filter nope"),
            ({"name": ""}, "This field is required."),
            ({"on_error": "explode"}, "Select a valid choice"),
            ({"in_content": "x" * 20_001}, "at most 20000"),
        ],
    )
    def test_what_does_not_hold_is_said_at_its_field_and_nothing_is_lost(
        self,
        bob: Client,
        draft: Workflow,
        connection: Connection,
        provider: Any,
        changes: dict[str, str],
        words: str,
    ) -> None:
        answer = add_note_step(bob, draft, connection, **changes)

        assert answer.status_code == 400
        assert words in text(answer)
        assert 'class="errorlist"' in answer.content.decode()
        assert "{{ trigger.incident.id }}" in answer.content.decode()
        assert steps_of(draft) == []

    def test_the_preview_shows_what_the_input_becomes(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any
    ) -> None:
        where = step_address(draft, connection, "create-incident-note", "preview")

        good = text(bob.post(where, NOTE))
        bad = text(bob.post(where, NOTE | {"in-content": "{{ trigger.incident.titel }}"}))

        assert "Runbook for Checkout answers slowly" in good
        assert "titel" in bad
        assert bob.post(where, {}).status_code == 200

    def test_later_steps_see_what_earlier_ones_answer(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any
    ) -> None:
        add_note_step(bob, draft, connection)

        page = bob.get(step_address(draft, connection, "get-incident")).content.decode()

        assert 'data-expression="{{ steps.runbook.note.id }}"' in page
        assert 'data-expression="{{ trigger.incident.title }}"' in page
        first = bob.get(address(draft, "step", "runbook")).content.decode()
        assert "steps.runbook" not in first

    def test_steps_are_moved_and_removed(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any
    ) -> None:
        for name in ("One", "Two", "Three"):
            add_note_step(bob, draft, connection, name=name)

        bob.post(address(draft, "earlier", "three"))
        assert [step["key"] for step in steps_of(draft)] == ["one", "three", "two"]
        bob.post(address(draft, "later", "one"))
        assert [step["key"] for step in steps_of(draft)] == ["three", "one", "two"]
        assert "One is removed" in text(bob.post(address(draft, "remove", "one"), follow=True))
        assert [step["key"] for step in steps_of(draft)] == ["three", "two"]
        assert bob.post(address(draft, "remove", "one")).status_code == 404


class TestOnlyIf:
    ROWS = {
        "only-match": "all",
        "only-field": ["steps.runbook.note.id", ""],
        "only-operator": ["exists", "equals"],
        "only-value": ["", ""],
    }

    def test_a_step_may_depend_on_an_earlier_one(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any
    ) -> None:
        add_note_step(bob, draft, connection)
        answer = add_note_step(bob, draft, connection, name="Again", **self.ROWS)  # type: ignore[arg-type]

        assert answer.status_code == 302, text(answer)
        asked = steps_of(draft)[1]["only_if"]
        assert asked == {"match": "all", "rows": [["steps.runbook.note.id", "exists", True]]}
        assert "Run if the condition is met: Note ID exists" in text(bob.get(address(draft, "edit")))
        again = bob.get(address(draft, "step", "again")).content.decode()
        assert '<option value="steps.runbook.note.id" selected>' in again

    def test_another_row_keeps_what_was_entered_and_stores_nothing(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any
    ) -> None:
        answer = add_note_step(bob, draft, connection, more="1", in_content="Kept")

        assert answer.status_code == 200
        assert "Kept" in text(answer)
        assert steps_of(draft) == []

    def test_a_row_that_does_not_hold_up_is_said(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any
    ) -> None:
        answer = add_note_step(bob, draft, connection, **self.ROWS)  # type: ignore[arg-type]

        assert answer.status_code == 400
        assert "There is no earlier step runbook." in text(answer)

    def test_the_rehearsal_says_what_would_be_skipped(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any
    ) -> None:
        rows = [["trigger.incident.urgency", "equals", "low"]]
        steps = [
            note_step(connection, name="For quiet ones", only_if={"rows": rows}),
            note_step(connection, key="b"),
        ]
        lifecycle.change(actor=SYSTEM, workflow=draft, name="Notes", definition={"steps": steps})

        page = text(bob.get(address(draft, "rehearsal")))

        assert "For quiet ones Create incident note Skipped: step condition not met." in page
        assert page.count("Runbook for Checkout answers slowly") == 1


class TestConditions:
    def post(self, bob: Client, draft: Workflow, *rows: tuple[str, str, str], **more: str) -> Any:
        field, operator, value = (list(column) for column in zip(*rows, strict=True))
        data = {"match": "any", "field": field, "operator": operator, "value": value} | more
        return bob.post(address(draft, "conditions"), data)

    def test_rows_become_conditions(self, bob: Client, draft: Workflow) -> None:
        self.post(
            bob,
            draft,
            ("trigger.incident.title", "one_of", "Payments, Checkout"),
            ("trigger.incident.priority.summary", "not_exists", ""),
            ("", "equals", ""),
        )

        draft.refresh_from_db()
        assert draft.draft["conditions"] == {
            "match": "any",
            "rows": [
                ["trigger.incident.title", "one_of", ["Payments", "Checkout"]],
                ["trigger.incident.priority.summary", "exists", False],
            ],
        }
        page = bob.get(address(draft, "conditions")).content.decode()
        assert 'value="Payments, Checkout"' in page
        assert '<option value="not_exists" selected>' in page

    def test_another_row_keeps_what_was_entered_and_stores_nothing(
        self, bob: Client, draft: Workflow
    ) -> None:
        answer = self.post(bob, draft, ("trigger.incident.title", "equals", ""), more="1")

        assert answer.status_code == 200
        assert answer.content.decode().count('name="field"') == 2
        draft.refresh_from_db()
        assert draft.draft["conditions"]["rows"] == []

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            (("", "equals", "high"), "Choose a field."),
            (("trigger.incident.title", "equals", ""), "Enter a value"),
            (("trigger.incident.title", "resembles", "x"), "Choose a comparison."),
            (("steps.x", "equals", "x"), "must begin with trigger"),
            (("trigger.incident.title", "equals", "x" * 1001), "at most 1000 characters"),
            (("trigger.incident.number", "greater", "many"), "Enter a number."),
            (("trigger.incident.created_at", "after", "soon"), "Enter a date or time such as"),
            (("trigger.incident.titel", "equals", "x"), "Did you mean title?"),
            (("trigger.incident.title", "equals", "\x00"), "cannot be stored"),
        ],
    )
    def test_what_does_not_hold_is_said(
        self, bob: Client, draft: Workflow, row: tuple[str, str, str], words: str
    ) -> None:
        answer = self.post(bob, draft, row)

        assert answer.status_code == 400
        assert words in text(answer)

    def test_a_field_that_the_sample_lacks_is_kept(self, bob: Client, draft: Workflow) -> None:
        rows = [["trigger.incident.custom", "equals", "x"]]
        changed = drafts.with_conditions(draft.draft, {"match": "all", "rows": rows})
        Workflow.objects.update(draft=changed)

        page = bob.get(address(draft, "conditions")).content.decode()

        assert '<option value="trigger.incident.custom" selected>' in page


class TestRehearsing:
    def test_the_documented_event_fills_every_step(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any
    ) -> None:
        add_note_step(bob, draft, connection)
        calls = len(provider.calls)

        page = text(bob.get(address(draft, "rehearsal")))

        assert "This event would run the workflow. All fields resolve." in page
        assert "Runbook for Checkout answers slowly" in page
        assert len(provider.calls) == calls

    def test_an_event_that_arrived_can_be_chosen(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any, deliver: Deliver
    ) -> None:
        add_note_step(bob, draft, connection)
        rows = [["trigger.incident.urgency", "equals", "high"]]
        draft.refresh_from_db()
        changed = drafts.with_conditions(draft.draft, {"match": "all", "rows": rows})
        lifecycle.change(actor=SYSTEM, workflow=draft, name="Notes", definition=changed)
        deliver(incident_event(title="A quiet one", urgency="low"))
        event = draft.trigger.events.get()

        page = text(bob.get(f"{address(draft, 'rehearsal')}?event={event.id}"))

        assert "Filtered out: this event doesn’t match the filter." in page
        assert "Incident urgency is high: no (actual: low)" in page
        assert "Runbook for A quiet one" in page

    def test_what_would_fail_is_said_at_its_step(
        self, bob: Client, draft: Workflow, connection: Connection, provider: Any, deliver: Deliver
    ) -> None:
        step = note_step(connection)
        step["input"]["incident_id"] = "{{ trigger.incident.priority.id }}"
        lifecycle.change(actor=SYSTEM, workflow=draft, name="Notes", definition={"steps": [step]})
        deliver(incident_event())
        event = draft.trigger.events.get()

        page = text(bob.get(f"{address(draft, 'rehearsal')}?event={event.id}"))

        assert "but a step would fail" in page
        assert "incident_id :" in page


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


class TestPlace:
    @pytest.mark.parametrize(
        ("key", "place", "order"),
        [("one", "2", "two three one"), ("three", "0", "three one two"), ("two", "99", "one three two")],
    )
    def test_a_step_is_dropped_at_a_place(
        self, bob: Client, draft: Workflow, connection: Connection, key: str, place: str, order: str
    ) -> None:
        steps = [note_step(connection, key=one) for one in ("one", "two", "three")]
        lifecycle.change(actor=SYSTEM, workflow=draft, name="x", definition={"steps": steps})

        assert bob.post(address(draft, "place", key), {"place": place}).status_code == 302

        assert [step["key"] for step in steps_of(draft)] == order.split()

    @pytest.mark.parametrize("place", ["", "-1", "x", "100", "1.5", "\u0661"])
    def test_no_such_place(self, bob: Client, draft: Workflow, connection: Connection, place: str) -> None:
        definition = {"steps": [note_step(connection)]}
        lifecycle.change(actor=SYSTEM, workflow=draft, name="x", definition=definition)

        answer = bob.post(address(draft, "place", "note"), {"place": place})

        assert (answer.status_code, answer.content) == (400, b"place must be a number from 0 to 99.")


def test_the_editor_has_the_filters_of_the_reference(
    bob: Client, draft: Workflow, connection: Connection, provider: responses.RequestsMock
) -> None:
    page = text(bob.get(step_address(draft, connection, "create-incident-note")))

    for one in FILTERS.values():
        assert " ".join(f"{one.does}: {one.example} gives {one.result}".split()) in page
