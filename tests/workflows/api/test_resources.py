"""The REST API of triggers, workflows and runs, and what one tenant sees of another."""

from datetime import timedelta
from typing import Any

import pytest
import responses
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from connections.models import Connection
from tests.factories import SECRET, Ask, add_note, incident_event, note_step
from workflows import worker
from workflows.models import ActionCall, Event, Run, Trigger, Workflow

pytestmark = pytest.mark.django_db


class TestTriggers:
    def test_a_trigger_is_made_holds_gets_its_secret_and_is_deleted(
        self, ask: Ask, connection: Connection
    ) -> None:
        wanted = {"key": "pagerduty/incident-resolved", "connection": str(connection.pk), "name": "Over"}
        made = ask("post", "triggers/", wanted).json()
        path = f"triggers/{made['id']}/"
        assert made["holding"] is True
        assert "/hooks/pagerduty/" in made["url"]

        secret = ask("post", f"{path}secrets/", {"secret": SECRET})
        assert secret.status_code == 201
        assert SECRET not in secret.content.decode()
        seen = ask("get", path)
        assert seen.json()["holding"] is False
        assert SECRET not in seen.content.decode()

        assert ask("delete", f"{path}secrets/{secret.json()['id']}/").status_code == 204
        assert ask("get", path).json()["holding"] is False, "without its last secret it refuses"
        assert ask("patch", path, {"status": "paused"}).json()["status"] == "paused"
        assert ask("delete", path).status_code == 204
        assert ask("get", path).status_code == 404

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"key": "pagerduty/nothing"}, "key"),
            ({"connection": "x"}, "connection"),
            ({"name": 5}, "name"),
            ({"x": 1}, "x"),
        ],
    )
    def test_bad_triggers_are_400_and_name_the_field(
        self, ask: Ask, connection: Connection, changes: dict[str, Any], field: str
    ) -> None:
        wanted = {"key": "pagerduty/incident-resolved", "connection": str(connection.pk)} | changes
        answer = ask("post", "triggers/", wanted)
        assert answer.status_code == 400
        assert field in answer.json()["error"]["fields"]

    def test_events_can_be_followed_from_the_last_one_seen(
        self, ask: Ask, trigger: Trigger, deliver: Any
    ) -> None:
        payloads = [incident_event() for _ in range(3)]
        for payload in payloads:
            deliver(payload)
        newest_first = ask("get", f"events/?trigger={trigger.pk}").json()["results"]
        sent = [payload["event"]["id"] for payload in payloads]
        assert [row["external_id"] for row in newest_first] == sent[::-1]

        follow = f"events/?after={newest_first[-1]['id']}&limit=1"
        if database.vendor == "postgresql":
            # An earlier number may still be on its way to its commit: nothing is passed over.
            assert ask("get", follow).json()["results"] == []
        Event.objects.update(received_at=timezone.now() - timedelta(minutes=1))

        after = ask("get", follow).json()
        assert [row["external_id"] for row in after["results"]] == [sent[1]]
        assert after["next"] is not None


class TestWhyARunWaits:
    def test_one_and_a_list_say_it_alike_and_the_list_in_as_many_queries_for_any_number(
        self, ask: Ask, note_workflow: Workflow, deliver: Any, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty, status=429, json={}, headers={"Retry-After": "120"})
        deliver(incident_event())
        worker.drain()
        with CaptureQueriesContext(database) as one:
            (first,) = ask("get", "runs/").json()["results"]
        for _ in range(10):
            deliver(incident_event())
        worker.drain()

        with CaptureQueriesContext(database) as many:
            *others, again = ask("get", "runs/").json()["results"]

        assert first["waiting_for"] == again["waiting_for"]
        until = first["waiting_for"].pop("until")
        assert parse_datetime(until) == ActionCall.objects.get().next_attempt_at
        assert first["waiting_for"] == {
            "reason": "rate_limit",
            "message": "Waiting for PagerDuty’s rate limit",
            "run": None,
            "connection": None,
        }
        behind = {
            "reason": "earlier_run",
            "message": "Waiting for an earlier run of this incident",
            "until": None,
            "run": first["id"],
            "connection": None,
        }
        assert [run["waiting_for"] for run in others] == [behind] * 10
        assert ask("get", f"runs/{others[0]['id']}/").json()["waiting_for"] == behind
        assert len(many) == len(one)

    def test_an_ended_run_waits_for_nothing(
        self, ask: Ask, note_workflow: Workflow, deliver: Any, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty)
        deliver(incident_event())
        worker.drain()

        (run,) = ask("get", "runs/").json()["results"]

        assert (run["status"], run["waiting_for"]) == ("completed", None)
        assert ask("get", f"runs/{run['id']}/").json()["waiting_for"] is None


class TestWorkflows:
    def test_a_workflow_is_written_published_run_replayed_and_paused(
        self,
        ask: Ask,
        trigger: Trigger,
        connection: Connection,
        deliver: Any,
        pagerduty: responses.RequestsMock,
    ) -> None:
        sent = add_note(pagerduty)
        body = {"name": "Note", "trigger": str(trigger.pk), "steps": [note_step(connection)]}
        made = ask("post", "workflows/", body).json()
        assert (made["status"], made["version"]) == ("draft", None)
        assert ask("post", f"workflows/{made['id']}/publish/").json()["version"] == 1

        deliver(incident_event())
        worker.drain()
        run = ask("get", f"runs/?workflow={made['id']}").json()["results"][0]
        detail = ask("get", f"runs/{run['id']}/").json()
        assert (detail["status"], detail["steps"][0]["status"]) == ("completed", "completed")
        assert detail["steps"][0]["output"]["note"]["id"] == "PNOTE1"

        assert ask("post", f"runs/{run['id']}/replay/").json()["replay"] == 1
        worker.drain()
        assert sent.call_count == 2
        assert ask("patch", f"workflows/{made['id']}/", {"status": "paused"}).json()["status"] == "paused"
        deliver(incident_event())
        worker.drain()
        assert Run.objects.count() == 2

    @pytest.mark.parametrize(
        ("changes", "where"),
        [
            ({"steps": []}, "steps"),
            ({"steps": "x"}, "steps"),
            ({"conditions": {"rows": [["trigger.x", "sounds like", 1]]}}, "conditions"),
            ({"conditions": {"rows": [["steps.x", "equals", 1]]}}, "conditions"),
        ],
    )
    def test_a_definition_that_does_not_hold_is_400(
        self, ask: Ask, trigger: Trigger, connection: Connection, changes: dict[str, Any], where: str
    ) -> None:
        body = {"name": "Note", "trigger": str(trigger.pk), "steps": [note_step(connection)]} | changes
        answer = ask("post", "workflows/", body)
        assert answer.status_code == 400
        assert where in answer.json()["error"]["fields"]
        assert not Workflow.objects.exists()

    @pytest.mark.parametrize(
        "content", ["{{ trigger.incident.title", "{% for x in y %}", "{{ (1..9) }}", "{{ x | nonsense }}"]
    )
    def test_a_template_that_cannot_be_read_names_its_input(
        self, ask: Ask, trigger: Trigger, connection: Connection, content: str
    ) -> None:
        step = note_step(connection)
        step["input"] |= {"content": content}
        answer = ask("post", "workflows/", {"name": "Note", "trigger": str(trigger.pk), "steps": [step]})
        assert answer.status_code == 400
        assert "content" in str(answer.json()["error"]["fields"])

    def test_a_waiting_run_is_cancelled_and_a_finished_one_is_not(
        self, ask: Ask, note_workflow: Workflow, deliver: Any, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty, status=429, json={})
        deliver(incident_event())
        worker.drain()
        run = Run.objects.get()

        assert ask("post", f"runs/{run.id}/cancel/").json()["status"] == "cancelled"
        assert ActionCall.objects.get().status == "cancelled"
        assert ask("post", f"runs/{run.id}/cancel/").status_code == 409


@pytest.mark.parametrize("path", ["nothing/", "connections/not-an-id/", "connections/x/actions/a b/c d/"])
def test_an_address_that_there_is_not_is_answered_as_every_refusal(client: Any, path: str) -> None:
    for answer in (client.get(f"/api/v1/{path}"), client.post(f"/api/v1/{path}")):
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
    assert client.get("/nothing/")["Content-Type"].startswith("text/html")
