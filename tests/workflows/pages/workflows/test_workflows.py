"""Workflows on pages: the list, one in words, pausing and archiving."""

from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.models import AuditEvent, Connection, Workspace
from tests.factories import SYSTEM, People, note_step, publish
from tests.support.browser import signed_in, text
from workflows.authoring import lifecycle
from workflows.models import Trigger, Workflow

pytestmark = pytest.mark.django_db
LIST = reverse("workflows:list")


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


def address(workflow: Workflow, name: str = "detail") -> str:
    return reverse(f"workflows:{name}", args=[workflow.pk])


def test_an_empty_list_teaches(bob: Client, trigger: Trigger) -> None:
    assert "No workflows yet" in text(bob.get(LIST))


def test_a_line_says_state_version_and_trigger(bob: Client, note_workflow: Workflow) -> None:
    assert "Note Active version 1 New incidents" in text(bob.get(LIST))


def test_the_list_can_be_narrowed(bob: Client, note_workflow: Workflow) -> None:
    expected = {
        "": True,
        "q=not": True,
        "q=other": False,
        "status=paused": False,
        "status=active": True,
        "status=nonsense": True,
        "q=%00note": True,
    }

    pages = {query: bob.get(f"{LIST}?{query}").content.decode() for query in expected}

    assert {query: address(note_workflow) in page for query, page in pages.items()} == expected


def test_archived_ones_are_listed_when_asked_for(bob: Client, note_workflow: Workflow) -> None:
    lifecycle.set_status(actor=SYSTEM, workflow=note_workflow, status="archived")

    assert address(note_workflow) not in bob.get(LIST).content.decode()
    assert address(note_workflow) in bob.get(f"{LIST}?status=archived").content.decode()


def test_the_number_of_queries_does_not_grow(bob: Client, trigger: Trigger, connection: Connection) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as seen:
            bob.get(LIST)
        return len(seen)

    publish(trigger, connection)
    bob.get(LIST)  # the first request of a session also notes where it came from
    few = queries()
    for _ in range(15):
        publish(trigger, connection)

    assert queries() == few


class TestOneWorkflow:
    def test_it_is_told_in_words(self, bob: Client, trigger: Trigger, connection: Connection) -> None:
        rows = [
            ["trigger.incident.urgency", "equals", "high"],
            ["trigger.incident.service.summary", "one_of", ["Payments", "Checkout"]],
            ["trigger.incident.title", "exists", False],
        ]
        workflow = publish(trigger, connection, conditions={"match": "any", "rows": rows})

        page = text(bob.get(address(workflow)))

        assert "Run if any condition is met:" in page
        assert "Incident urgency is high" in page
        assert "Service name is one of Payments, Checkout" in page
        assert "Incident title does not exist" in page
        assert "note Create incident note On Acme . On error: stop" in page
        assert "Runbook for {{ trigger.incident.title }}" in page

    def test_a_draft_beside_what_runs_is_said(
        self, bob: Client, note_workflow: Workflow, connection: Any
    ) -> None:
        assert "draft" not in text(bob.get(address(note_workflow)))
        changed = {"steps": [note_step(connection, name="Another name")]}
        lifecycle.change(actor=SYSTEM, workflow=note_workflow, name="Note", definition=changed)

        page = text(bob.get(address(note_workflow)))

        assert "You have unpublished changes." in page
        assert "Another name" not in page

    def test_what_was_never_published_says_so(self, bob: Client, trigger: Trigger, connection: Any) -> None:
        draft = lifecycle.create(
            actor=SYSTEM, trigger=trigger, name="Draft", definition={"steps": [note_step(connection)]}
        )
        page = text(bob.get(address(draft)))

        assert "Draft – publish to activate." in page
        assert "Publish this workflow first." in text(bob.post(address(draft, "resume"), follow=True))

    def test_a_connection_that_is_gone_is_said(self, bob: Client, note_workflow: Workflow) -> None:
        version = note_workflow.live
        assert version is not None
        version.definition["steps"][0]["connection"] = "00000000-0000-4000-8000-000000000000"
        version.save()

        assert "Connection deleted." in text(bob.get(address(note_workflow)))

    @pytest.mark.parametrize(
        ("name", "status", "words"),
        [
            ("pause", "paused", "Paused. In-progress"),
            ("archive", "archived", "Archived."),
            ("resume", "active", "Resumed"),
        ],
    )
    def test_its_state_is_changed_and_audited(
        self, bob: Client, who: People, note_workflow: Workflow, name: str, status: str, words: str
    ) -> None:
        page = text(bob.post(address(note_workflow, name), follow=True))

        assert words in page
        note_workflow.refresh_from_db()
        assert note_workflow.status == status
        event = AuditEvent.objects.filter(action=f"workflow.{status}").latest("created_at")
        assert event.actor_label == who.bob.email

    def test_a_stranger_finds_nothing(self, who: People, note_workflow: Workflow) -> None:
        stranger = signed_in(who.charlie)

        assert stranger.get(address(note_workflow)).status_code == 404
        assert stranger.post(address(note_workflow, "pause")).status_code == 404
        note_workflow.refresh_from_db()
        assert note_workflow.status == "active"
