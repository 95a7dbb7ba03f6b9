"""Conditions of a workflow and of one step."""

from typing import Any

import pytest
from django.test import Client

from connections.models import Connection
from tests.factories import SYSTEM, note_step
from tests.support.browser import text
from tests.workflows.pages.editor.drafting import add_note_step, address, steps_of
from workflows.authoring import drafts, lifecycle
from workflows.models import Workflow

pytestmark = pytest.mark.django_db


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
