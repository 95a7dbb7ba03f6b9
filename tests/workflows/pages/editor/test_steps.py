"""A step is added, changed, previewed and moved."""

from typing import Any

import pytest
from django.test import Client

from connections.models import Connection
from pagerduty_app.actions import ACTIONS
from tests.factories import DANA, SYSTEM, note_step
from tests.support.agency import SENT, lines
from tests.support.browser import text
from tests.workflows.pages.editor.drafting import NOTE, TITLE, add_note_step, address, step_address, steps_of
from workflows.authoring import lifecycle
from workflows.models import Workflow

pytestmark = pytest.mark.django_db


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
