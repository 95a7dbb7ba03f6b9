"""Health: what each page says of a thing follows from what really happened to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.db import connection as database
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.connecting.revoke import revoke
from connections.extension_points import health
from connections.models import Connection, Grant, Workspace
from core.db import clock
from tests.factories import (
    API,
    SYSTEM,
    Ask,
    People,
    add_note,
    arrive,
    connect,
    incident_event,
    note_step,
    publish,
)
from tests.support.browser import connection_page, path, text
from workflows import worker
from workflows.authoring import lifecycle as authoring
from workflows.inbox import secrets
from workflows.models import ActionCall, Run, Subscription, Trigger, Workflow
from workflows.triggers import lifecycle, test_events

pytestmark = pytest.mark.django_db
Deliver = Callable[..., Any]


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


def state(row: Model) -> tuple[str, str]:
    found = health.of(type(row).objects.get(pk=row.pk))  # type: ignore[attr-defined]
    return found.state, found.reason


def called(connection: Connection, status: str = "completed", ago: float = 0, **error: Any) -> ActionCall:
    at = clock.now() - timedelta(minutes=ago)
    return ActionCall.objects.create(
        workspace=connection.workspace,
        connection=connection,
        action="pagerduty/get-incident",
        origin="person",
        input={},
        fingerprint="0" * 64,
        status=status,
        error=error or None,
        created_at=at,
        finished_at=at,
    )


class TestAConnection:
    def test_after_calls_it_is_not_said_to_be_unchecked(self, bob: Client, connection: Connection) -> None:
        assert state(connection) == ("unused", "Connected; not used since.")

        for _ in range(9):
            called(connection)

        assert state(connection) == ("working", "Last API request succeeded.")
        page = text(bob.get(connection_page(connection)))
        assert "Last API request succeeded." in page
        assert "not checked yet" not in page

    @pytest.mark.parametrize(
        ("code", "found"),
        [
            ("provider_unreachable", "failing"),
            ("credential_refused", "failing"),
            ("not_found_at_provider", "working"),
            ("invalid_input", "working"),
        ],
    )
    def test_a_failed_call_counts_where_the_provider_did_not_answer(
        self, connection: Connection, code: str, found: str
    ) -> None:
        called(connection, "failed", code=code, message="No.")
        assert state(connection)[0] == found

        called(connection)
        assert state(connection)[0] == "working"

    def test_what_failed_before_a_consent_that_worked_does_not_count(
        self, bob: Client, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        Connection.objects.update(authorised_at=clock.now() - timedelta(hours=2))
        called(connection, "failed", ago=30, code="credential_refused", message="No.")
        Connection.objects.update(checked_at=clock.now() - timedelta(minutes=20), check_failure="Refused.")
        assert state(connection) == ("failing", "Last check failed: Refused.")

        Connection.objects.update(authorised_at=clock.now())

        assert state(connection)[0] == "unused"
        assert "did not work" not in text(bob.get(connection_page(connection)))

    def test_a_check_is_remembered_until_something_newer_happens(
        self, bob: Client, connection: Connection
    ) -> None:
        with responses.RequestsMock() as mock:
            mock.get(f"{API}/users/me", json={"user": {"id": "PUSER"}}, status=503)
            mock.get(f"{API}/users", json={}, status=503)
            mock.assert_all_requests_are_fired = False
            bob.post(connection_page(connection, "check"))
        connection.refresh_from_db()
        assert connection.checked_at is not None
        assert state(connection)[0] == "failing"

        called(connection, ago=-1)
        assert state(connection)[0] == "working"

    @pytest.mark.parametrize(
        ("changes", "found"),
        [
            ({"status": "error", "status_reason": "Gone."}, ("reconnection_needed", "Gone.")),
            ({"status": "pending"}, ("pending", "Not authorized yet.")),
        ],
    )
    def test_its_status_comes_first(
        self, connection: Connection, changes: Any, found: tuple[str, str]
    ) -> None:
        called(connection)
        Connection.objects.update(**changes)

        assert state(connection) == found

    def test_what_was_not_granted_or_not_renewed_is_said(self, connection: Connection) -> None:
        called(connection)
        Grant.objects.update(failures=2)
        assert state(connection) == ("renewal_delayed", "Token refresh failed 2 times in a row.")

        Grant.objects.update(scopes_granted=["incidents.read"])
        assert state(connection)[0] == "limited"


class TestAWorkflow:
    def test_a_revoked_connection_leaves_nothing_active(
        self, bob: Client, note_workflow: Workflow, connection: Connection
    ) -> None:
        assert state(note_workflow) == ("active", "No runs yet.")

        revoke(actor=SYSTEM, connection=connection)

        assert state(note_workflow) == ("cannot_run", "Cannot run: connection Acme was revoked.")
        for page in ("/workflows/", f"/workflows/{note_workflow.pk}/"):
            assert "Cannot run: connection Acme was revoked." in text(bob.get(page))
            assert 'badge good">' not in bob.get(page).content.decode()

    def test_a_step_on_another_connection_that_was_revoked_counts_too(
        self, trigger: Trigger, workspace: Workspace
    ) -> None:
        other = connect(workspace, "Other")
        workflow = publish(trigger, other)
        revoke(actor=SYSTEM, connection=other)

        assert state(workflow) == ("cannot_run", "Cannot run: connection Other was revoked.")

    def test_it_waits_while_a_connection_wants_a_person(
        self, note_workflow: Workflow, connection: Connection
    ) -> None:
        Connection.objects.update(status="error")

        assert state(note_workflow) == ("waiting", "Its runs wait until connection Acme is reconnected.")

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"status": "closed"}, "its trigger is closed"),
            ({"status": "paused"}, "its trigger is paused"),
            ({"deleted_at": timezone.now()}, "its trigger was deleted"),
        ],
    )
    def test_a_trigger_that_starts_nothing_is_the_reason(
        self, note_workflow: Workflow, changes: Any, reason: str
    ) -> None:
        Trigger.objects.update(**changes)

        assert state(note_workflow) == ("cannot_run", f"Cannot run: {reason}.")

    def test_without_a_secret_or_with_its_webhook_off_nothing_starts_it(
        self, note_workflow: Workflow, trigger: Trigger
    ) -> None:
        secret = trigger.secrets.get()
        Subscription.objects.create(
            trigger=trigger,
            status="on",
            trouble="inactive",
            external_id="PW1",
            secret=secret,
            made_at=clock.now(),
        )
        assert state(note_workflow)[1] == "Cannot run: the webhook of its trigger is disabled."

        secrets.retire_secret(actor=SYSTEM, secret=secret)
        assert state(note_workflow)[1] == "Cannot run: its trigger needs a signing secret."

    def test_it_fails_while_its_last_run_failed_and_tests_do_not_count(
        self, note_workflow: Workflow, trigger: Trigger, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        gone = {"error": {"message": "Incident Not Found", "code": 2100}}
        add_note(pagerduty, incident="PSAMPLE1", json=gone, status=404)
        event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)
        test_events.start(actor=SYSTEM, event=event, workflow=note_workflow)
        worker.drain()
        assert Run.objects.get().status == "failed"
        assert state(note_workflow)[0] == "active"

        add_note(pagerduty, incident="PINC1", json=gone, status=404)
        deliver(incident_event())
        worker.drain()
        assert state(note_workflow)[0] == "failing"
        assert "Last run failed: " in state(note_workflow)[1]

        add_note(pagerduty, incident="PINC2")
        deliver(incident_event(incident="PINC2"))
        worker.drain()
        assert state(note_workflow) == ("active", "Last run completed.")

    def test_draft_is_said_only_of_what_is_one(
        self, bob: Client, note_workflow: Workflow, connection: Connection
    ) -> None:
        editor = f"/workflows/{note_workflow.pk}/edit/"
        assert ">draft<" not in bob.get(editor).content.decode().lower()
        assert health.of(note_workflow).words == "Active"

        changed = {"steps": [note_step(connection, name="Other")]}
        authoring.change(actor=SYSTEM, workflow=note_workflow, name="Note", definition=changed)

        assert health.of(note_workflow).words == "Active · unpublished changes"
        assert "Active · unpublished changes" in text(bob.get(editor))

    def test_over_the_api(self, ask: Ask, note_workflow: Workflow, connection: Connection) -> None:
        revoke(actor=SYSTEM, connection=connection)

        wanted = {"state": "cannot_run", "reason": "Cannot run: connection Acme was revoked.", "at": None}
        assert ask("get", f"workflows/{note_workflow.pk}/").json()["health"] == wanted
        assert ask("get", "workflows/").json()["results"][0]["health"] == wanted
        assert ask("get", f"triggers/{note_workflow.trigger_id}/").json()["health"]["state"] == "closed"
        assert ask("get", f"connections/{connection.pk}/").json()["health"]["state"] == "revoked"


class TestAWorkspace:
    def test_it_is_unwell_while_runs_fail(
        self,
        bob: Client,
        workspace: Workspace,
        note_workflow: Workflow,
        deliver: Deliver,
        pagerduty: responses.RequestsMock,
    ) -> None:
        assert state(workspace)[0] == "healthy"
        add_note(pagerduty, json={"error": {"message": "Not Found", "code": 2100}}, status=404)
        deliver(incident_event())
        worker.drain()

        assert state(workspace) == ("failing", "1 run failed in 24 hours.")
        page = text(bob.get(reverse("connections:workspaces")))
        assert "Failing 1 run failed in 24 hours." in page

        Run.objects.update(created_at=clock.now() - timedelta(hours=25))
        assert state(workspace)[0] == "healthy"

    def test_it_counts_what_cannot_work(
        self, workspace: Workspace, note_workflow: Workflow, connection: Connection
    ) -> None:
        revoke(actor=SYSTEM, connection=connection)
        connect(workspace, "Second")
        Connection.objects.filter(label="Second").update(status="error")

        assert state(workspace)[1] == "1 connection to reconnect; 1 workflow that cannot run."

    def test_it_counts_a_workflow_whose_step_acts_on_what_was_revoked(
        self, trigger: Trigger, workspace: Workspace, connection: Connection
    ) -> None:
        other = connect(workspace, "Other")
        publish(trigger, other)
        publish(trigger, connection)
        revoke(actor=SYSTEM, connection=other)

        assert state(workspace) == ("cannot_run", "1 workflow that cannot run.")

    def test_it_counts_a_workflow_whose_trigger_has_no_secret(
        self, workspace: Workspace, note_workflow: Workflow, trigger: Trigger
    ) -> None:
        secrets.retire_secret(actor=SYSTEM, secret=trigger.secrets.get())

        assert state(note_workflow)[0] == "cannot_run"
        assert state(workspace) == ("cannot_run", "1 workflow that cannot run.")

    def test_one_without_anything_says_so(self, who: People) -> None:
        empty = Workspace.objects.create(account=who.agency, name="Empty")
        assert state(empty)[0] == "empty"


def test_each_kind_is_judged_by_as_many_queries_for_forty_as_for_one(
    who: People, pagerduty: responses.RequestsMock
) -> None:
    def one(number: int) -> None:
        workspace = Workspace.objects.create(account=who.agency, name=f"Client {number}")
        connection = connect(workspace)
        called(connection)
        trigger = lifecycle.create(
            actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New"
        )
        publish(trigger, connection)
        arrive(trigger)

    def queries(model: Any) -> int:
        rows = list(model.objects.all())
        with CaptureQueriesContext(database) as seen:
            assert len(health.of_all(rows)) == len(rows)
        return len(seen)

    one(0)
    worker.drain()
    models = (Connection, Trigger, Workflow, Workspace)
    before = [queries(model) for model in models]
    for number in range(1, 40):
        one(number)
    assert [queries(model) for model in models] == before
    assert max(before) <= 8


@pytest.mark.parametrize("listed", ["connections/", "triggers/", "workflows/"])
def test_lists_of_the_api_ask_no_more_for_many(
    ask: Ask, trigger: Trigger, workspace: Workspace, listed: str
) -> None:
    def queries(more: int) -> int:
        for number in range(more):
            connection = connect(workspace, f"C{Connection.objects.count()}-{number}")
            made = lifecycle.create(
                actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New"
            )
            publish(made, connection)
        ask("get", listed)
        with CaptureQueriesContext(database) as seen:
            assert ask("get", listed).status_code == 200
        return len(seen)

    assert queries(1) == queries(7)


@pytest.mark.parametrize("name", ["connections:list", "connections:workspaces", "workflows:list"])
def test_lists_on_pages_ask_no_more_for_many(bob: Client, who: People, trigger: Trigger, name: str) -> None:
    def queries(more: int) -> int:
        for _ in range(more):
            workspace = Workspace.objects.create(account=who.agency, name=f"W{Workspace.objects.count()}")
            connect(workspace)
            publish(trigger, trigger.connection)
        bob.get(reverse(name))
        with CaptureQueriesContext(database) as seen:
            assert bob.get(reverse(name)).status_code == 200
        return len(seen)

    assert queries(1) == queries(6)


class TestRevoking:
    def test_the_question_and_the_receipt_name_what_stops(
        self,
        bob: Client,
        trigger: Trigger,
        note_workflow: Workflow,
        connection: Connection,
        workspace: Workspace,
    ) -> None:
        other = connect(workspace, "Other")
        elsewhere = lifecycle.create(
            actor=SYSTEM, connection=other, key="pagerduty/incident-resolved", name="Resolved"
        )
        acts = publish(elsewhere, connection)
        Workflow.objects.filter(pk=acts.pk).update(name="Acts on it")

        asked = text(bob.get(connection_page(connection, "revoke")))
        assert "Triggers that will close New incidents" in asked
        assert "Workflows that will stop Acts on it Note" in asked
        assert "Resolved" not in asked

        bob.post(connection_page(connection, "revoke"), {"label": connection.label})
        receipt = text(bob.get(connection_page(connection, "receipt")))
        assert "Workflows that will stop Acts on it, Note" in receipt
        assert "Triggers that will close New incidents" in receipt
        assert "Triggers closed 1" in receipt

    def test_one_that_nothing_uses_says_so(self, bob: Client, connection: Connection) -> None:
        assert "No triggers or published workflows use it." in text(
            bob.get(connection_page(connection, "revoke"))
        )


def test_a_trigger_whose_connection_is_broken_says_that_steps_wait(
    bob: Client, trigger: Trigger, connection: Connection
) -> None:
    Connection.objects.update(status="error")

    assert "are queued until Acme is reconnected" in text(bob.get(path("detail", trigger)))
