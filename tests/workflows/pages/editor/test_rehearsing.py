"""A rehearsal shows what a draft would do, and does nothing."""

from typing import Any

import pytest
from django.test import Client

from connections.models import Connection
from tests.factories import SYSTEM, incident_event, note_step
from tests.support.browser import text
from tests.workflows.pages.editor.drafting import Deliver, add_note_step, address
from workflows.authoring import drafts, lifecycle
from workflows.models import Workflow

pytestmark = pytest.mark.django_db


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
