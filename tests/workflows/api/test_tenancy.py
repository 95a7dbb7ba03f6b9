"""What one tenant sees of another, what a key may do, and what every list and document has in common."""

import uuid
from typing import Any

import pytest
import responses
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from connections.models import Account, Connection, Workspace
from pagerduty_app.triggers.types import TRIGGERS
from tests.factories import SYSTEM, Ask, add_note, asking, connect, incident_event, note_step
from workflows import worker
from workflows.models import ActionCall, HookDelivery, Run, Trigger, Workflow
from workflows.outgoing import endpoints
from workflows.runs import bulk_replay
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


@pytest.fixture
def stranger(client: Any, db: None) -> Ask:
    """Another agency with everything of its own."""
    theirs = Workspace.objects.create(account=Account.objects.create(name="Other"), name="Theirs")
    return asking(client, theirs)


class TestTenancy:
    def test_foreign_ids_answer_exactly_like_ids_that_do_not_exist(
        self,
        stranger: Ask,
        trigger: Trigger,
        connection: Connection,
        note_workflow: Workflow,
        deliver: Any,
        pagerduty: responses.RequestsMock,
        settings: Any,
    ) -> None:
        settings.HOOKS_ALLOW_PRIVATE = True
        add_note(pagerduty)
        deliver(incident_event())
        worker.drain()
        run, call = Run.objects.get(), ActionCall.objects.get()
        secret = trigger.secrets.get()
        hook, _ = endpoints.create(
            actor=SYSTEM,
            workspace=trigger.workspace,
            name="x",
            url="http://127.0.0.1:1/",
            events=True,
            runs=True,
        )
        told = HookDelivery.objects.create(
            workspace=trigger.workspace, hook=hook, kind="event", event=run.event, lane="PINC1"
        )
        batch = bulk_replay.start(actor=SYSTEM, runs=Run.objects.all(), selection={})[0]
        body = {"key": trigger.key, "connection": str(connection.pk)}
        for method, path, found in [
            ("post", "connections/{}/actions/pagerduty/get-incident/", connection.pk),
            ("get", "action-calls/{}/", call.pk),
            ("get", "triggers/{}/", trigger.pk),
            ("patch", "triggers/{}/", trigger.pk),
            ("delete", "triggers/{}/", trigger.pk),
            ("post", "triggers/{}/secrets/", trigger.pk),
            ("delete", f"triggers/{{}}/secrets/{secret.pk}/", trigger.pk),
            ("post", "triggers/{}/test/", trigger.pk),
            ("get", "events/?trigger={}", trigger.pk),
            ("get", "events/?after={}", run.event.id),
            ("get", "workflows/{}/", note_workflow.pk),
            ("patch", "workflows/{}/", note_workflow.pk),
            ("post", "workflows/{}/publish/", note_workflow.pk),
            ("get", "hooks/{}/", hook.pk),
            ("patch", "hooks/{}/", hook.pk),
            ("delete", "hooks/{}/", hook.pk),
            ("post", "hooks/{}/secrets/", hook.pk),
            ("post", "hooks/{}/test/", hook.pk),
            ("get", "hooks/{}/deliveries/", hook.pk),
            ("post", f"hooks/{{}}/deliveries/{told.id}/replay/", hook.pk),
            ("get", "runs/{}/", run.id),
            ("post", "runs/{}/replay/", run.id),
            ("post", "runs/{}/cancel/", run.id),
            ("post", "runs/{}/pause/", run.id),
            ("get", "runs/replay/{}/", batch.pk),
            ("post", "runs/replay/{}/cancel/", batch.pk),
            ("post", "runs/{}/resume/", run.id),
        ]:
            foreign, unknown = (
                stranger(method, path.format(some_id), {}) for some_id in (found, uuid.uuid4())
            )
            assert foreign.status_code == unknown.status_code == 404, (method, path)
            assert foreign.content == unknown.content
        assert stranger("post", "triggers/", body).status_code == 404
        for path in ("triggers/", "events/", "workflows/", "runs/", "hooks/", "connections/"):
            assert stranger("get", path).json()["results"] == []

    def test_a_step_cannot_use_a_connection_of_another_workspace(
        self, ask: Ask, trigger: Trigger, workspace: Workspace
    ) -> None:
        sibling = Workspace.objects.create(account=workspace.account, name="Sibling")
        step = note_step(connect(sibling))
        answer = ask("post", "workflows/", {"name": "x", "trigger": str(trigger.pk), "steps": [step]})
        assert answer.status_code == 400
        assert "connection" in str(answer.json()["error"]["fields"])

    @pytest.mark.parametrize(
        ("method", "path", "scope"),
        [
            ("get", "triggers/", "triggers:read"),
            ("post", "triggers/", "triggers:write"),
            ("get", "runs/", "workflows:read"),
            ("post", "workflows/", "workflows:write"),
        ],
    )
    def test_a_key_without_the_scope_is_403_and_the_scope_is_named(
        self, client: Any, workspace: Workspace, method: str, path: str, scope: str
    ) -> None:
        answer = asking(client, workspace, ["connections:read"])(method, path, {})
        assert (answer.status_code, answer.json()["error"]["detail"]) == (403, {"scope": scope})


@pytest.mark.parametrize("path", ["triggers/", "events/", "workflows/", "runs/"])
def test_lists_need_as_many_queries_for_many_rows_as_for_few(
    ask: Ask,
    trigger: Trigger,
    note_workflow: Workflow,
    connection: Connection,
    deliver: Any,
    pagerduty: responses.RequestsMock,
    path: str,
) -> None:
    add_note(pagerduty)

    def more(count: int) -> int:
        for _ in range(count):
            deliver(incident_event())
            lifecycle.create(actor=SYSTEM, connection=connection, key=trigger.key, name="Another")
        worker.drain()
        with CaptureQueriesContext(database, ) as queries:  # fmt: skip
            assert ask("get", path).status_code == 200
        return len(queries)

    ask("get", path)
    assert more(1) == more(8)


def test_the_catalog_describes_every_trigger_and_action(ask: Ask) -> None:
    integration = ask("get", "catalog/").json()["integrations"][0]
    actions = {action["key"]: action for action in integration["actions"]}
    triggers = {trigger["key"]: trigger for trigger in integration["triggers"]}
    assert triggers.keys() == TRIGGERS.keys()
    assert triggers["pagerduty/service-updated"]["group"] == "Services"
    assert triggers["pagerduty/service-updated"]["event_types_option"] is None
    changed = triggers["pagerduty/incident-changed"]
    assert (changed["event_types"], changed["event_types_option"]) == ([], "event_types")
    types = changed["options_schema"]["properties"]["event_types"]["items"]
    assert types["x-words"]["incident.task.created"] == "Incident task created"
    for key in ("create-incident", "update-incident", "create-incident-note"):
        assert "from" in actions[f"pagerduty/{key}"]["input_schema"]["required"]
    limit = actions["pagerduty/list-incidents"]["input_schema"]["properties"]["limit"]
    assert limit["maximum"] == 100


def test_the_openapi_document_and_its_page_are_served(client: Any, db: None) -> None:
    assert client.get("/api/schema/").status_code == 200
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert b"<script>" not in page.content
