"""Why a delivery started nothing, and where a run failed: on pages and over the API."""

from collections.abc import Callable
from typing import Any

import pytest
import responses
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.models import Connection, Workspace
from tests.factories import (
    API,
    DANA,
    SYSTEM,
    Ask,
    People,
    add_note,
    incident_event,
    note_step,
    publish,
)
from tests.support.browser import path, text
from workflows import worker
from workflows.authoring import lifecycle as authoring
from workflows.engine import fanout
from workflows.models import Event, Run, Trigger, Workflow
from workflows.triggers import delivery_outcomes, lifecycle

pytestmark = pytest.mark.django_db
Deliver = Callable[..., Any]
ONLY_LOW = {
    "match": "all",
    "rows": [
        ["trigger.incident.urgency", "equals", "low"],
        ["trigger.incident.status", "equals", "triggered"],
    ],
}
GONE = {"error": {"message": "Incident Not Found", "code": 2100}}


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


def arrived(deliver: Deliver, **payload: Any) -> Event:
    deliver(incident_event(**payload))
    worker.drain()
    return Event.objects.latest("seq")


def states(event: Event) -> dict[str, str]:
    return {one.workflow.name: one.state for one in delivery_outcomes.outcomes(event)}


def named(workflow: Workflow, name: str, **changes: Any) -> Workflow:
    Workflow.objects.filter(pk=workflow.pk).update(name=name, **changes)
    return workflow


class TestWhyNothingStarted:
    def test_each_workflow_gives_its_own_reason(
        self, trigger: Trigger, connection: Connection, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty)
        definition = {"steps": [note_step(connection)]}
        named(publish(trigger, connection), "Runs")
        named(publish(trigger, connection, conditions=ONLY_LOW), "Low alone")
        named(publish(trigger, connection), "Paused", status="paused")
        named(publish(trigger, connection), "Archived", status="archived")
        authoring.create(actor=SYSTEM, trigger=trigger, name="Draft", definition=definition)
        event = arrived(deliver)
        named(publish(trigger, connection), "Afterwards")

        assert states(event) == {
            "Runs": "started",
            "Low alone": "conditions_did_not_hold",
            "Paused": "paused",
            "Archived": "archived",
            "Draft": "not_published",
            "Afterwards": "created_later",
        }

    def test_the_page_names_the_condition_and_the_value_it_met(
        self, bob: Client, trigger: Trigger, connection: Connection, deliver: Deliver
    ) -> None:
        publish(trigger, connection, conditions=ONLY_LOW)
        event = arrived(deliver)

        page = text(bob.get(path("delivery", trigger, event.id)))

        assert "Note version 1 Its filter did not match." in page
        assert "Incident urgency is low: no (it is high)" in page
        assert "Incident status is triggered: yes" in page
        assert "or their conditions did not hold" not in page

    def test_it_is_judged_by_the_version_of_that_time(
        self, trigger: Trigger, connection: Connection, deliver: Deliver
    ) -> None:
        workflow = publish(trigger, connection, conditions=ONLY_LOW)
        event = arrived(deliver)
        authoring.change(
            actor=SYSTEM, workflow=workflow, name="Note", definition={"steps": [note_step(connection)]}
        )
        authoring.publish(actor=SYSTEM, workflow=workflow)

        outcome = delivery_outcomes.outcomes(event)[0]

        assert (outcome.state, outcome.version) == ("conditions_did_not_hold", 1)

    def test_a_field_that_is_not_kept_is_not_passed_off_as_its_value(
        self, trigger: Trigger, connection: Connection, deliver: Deliver
    ) -> None:
        lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"redact": ["event.data.urgency"]})
        publish(trigger, connection, conditions=ONLY_LOW)

        rows = delivery_outcomes.outcomes(arrived(deliver))[0].rows

        assert rows[0].actual == "not stored (redacted by this trigger)"

    @pytest.mark.parametrize(
        ("payload", "options", "words"),
        [
            ({}, {}, "none: no workflow was published"),
            ({"event_type": "incident.annotated"}, {}, "none: event type not used by the trigger"),
            ({}, {"urgencies": ["low"]}, "none: filtered by the trigger’s options"),
        ],
    )
    def test_the_list_says_it_in_a_few_words(
        self, bob: Client, trigger: Trigger, deliver: Deliver, payload: Any, options: Any, words: str
    ) -> None:
        lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"options": options})

        event = arrived(deliver, **payload)

        shown = words[0].upper() + words[1:]
        assert shown in text(bob.get(path("deliveries", trigger)))
        assert shown in text(bob.get(path("delivery", trigger, event.id)))

    def test_the_list_says_of_a_test_and_of_conditions(
        self, bob: Client, trigger: Trigger, connection: Connection, deliver: Deliver
    ) -> None:
        publish(trigger, connection, conditions=ONLY_LOW)
        arrived(deliver)
        lifecycle.send_test(actor=SYSTEM, trigger=trigger)

        page = text(bob.get(path("deliveries", trigger)))

        assert "None: filter did not match" in page
        assert "None: test event" in page

    def test_the_list_asks_no_more_for_many(
        self, bob: Client, trigger: Trigger, connection: Connection, deliver: Deliver
    ) -> None:
        def queries(more: int) -> int:
            for _ in range(more):
                publish(trigger, connection, conditions=ONLY_LOW)
                deliver(incident_event())
            Event.objects.update(status="done")
            with CaptureQueriesContext(database) as seen:
                bob.get(path("deliveries", trigger))
            return len(seen)

        queries(1)
        assert queries(1) == queries(6)

    def test_over_the_api(
        self, ask: Ask, trigger: Trigger, connection: Connection, deliver: Deliver, who: People
    ) -> None:
        workflow = publish(trigger, connection, conditions=ONLY_LOW)
        event = arrived(deliver)

        said = ask("get", f"events/{event.id}/").json()

        assert said["started_nothing"] == "none: filter did not match"
        outcome = said["outcomes"][0]
        assert (outcome["workflow"], outcome["state"], outcome["run"]) == (
            str(workflow.pk),
            "conditions_did_not_hold",
            None,
        )
        assert outcome["conditions"][0] == {
            "words": "Incident urgency is low",
            "actual": "high",
            "holds": False,
        }


class TestWhereARunFailed:
    @pytest.fixture
    def failed(
        self, trigger: Trigger, connection: Connection, deliver: Deliver, pagerduty: responses.RequestsMock
    ) -> Run:
        add_note(pagerduty, incident="PINC1")
        pagerduty.put(f"{API}/incidents/PINC1", json=GONE, status=404)
        pagerduty.get(f"{API}/incidents/PINC1", json=GONE, status=404)
        update = note_step(
            connection,
            key="close",
            name="Close it",
            action="pagerduty/update-incident",
            input={"from": DANA, "incident_id": "{{ trigger.incident.id }}", "status": "resolved"},
        )
        publish(trigger, connection, steps=[note_step(connection), update])
        arrived(deliver, html_url="https://acme.pagerduty.com/incidents/PINC1")
        return Run.objects.get(status="failed")

    def test_the_banner_names_the_step_and_links_to_where_it_is_mended(
        self, bob: Client, failed: Run
    ) -> None:
        page = bob.get(f"/runs/{failed.id}/")

        assert "Step 2, Close it , failed with HTTP 404." in text(page)
        html = page.content.decode()
        assert f'href="/workflows/{failed.workflow_id}/steps/close/"' in html
        assert 'href="https://acme.pagerduty.com/incidents/PINC1"' in html
        assert "Open the incident in PagerDuty" in text(page)

    def test_a_step_that_is_gone_links_to_the_workflow(self, bob: Client, failed: Run) -> None:
        workflow = failed.workflow
        workflow.draft["steps"][1]["key"] = "other"
        workflow.save(update_fields=["draft"])

        html = bob.get(f"/runs/{failed.id}/").content.decode()

        assert "/steps/close/" not in html
        assert f'href="/workflows/{failed.workflow_id}/edit/"' in html

    def test_over_the_api(self, ask: Ask, failed: Run) -> None:
        said = ask("get", f"runs/{failed.id}/").json()

        assert said["failed_step"] == {
            "position": 1,
            "key": "close",
            "name": "Close it",
            "provider_status": 404,
        }
        assert said["incident_url"] == "https://acme.pagerduty.com/incidents/PINC1"

    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            "http://acme.pagerduty.com/incidents/P1",
            "https://acme.pagerduty.com.evil.example/P1",
            "https://evil.example/?x=https://acme.pagerduty.com/",
            "https://acme.pagerduty.com@evil.example/P1",
        ],
    )
    def test_only_pages_of_the_provider_are_linked(
        self,
        bob: Client,
        ask: Ask,
        trigger: Trigger,
        note_workflow: Workflow,
        deliver: Deliver,
        url: str,
        pagerduty: responses.RequestsMock,
    ) -> None:
        add_note(pagerduty)
        event = arrived(deliver, html_url=url)
        run = Run.objects.get()

        for address in (f"/runs/{run.id}/", path("delivery", trigger, event.id)):
            assert f'href="{url}' not in bob.get(address).content.decode()
        assert ask("get", f"runs/{run.id}/").json()["incident_url"] == ""

    def test_an_incident_that_a_step_made_is_linked(
        self,
        bob: Client,
        trigger: Trigger,
        connection: Connection,
        deliver: Deliver,
        pagerduty: responses.RequestsMock,
    ) -> None:
        made = {"id": "PNEW", "title": "New", "status": "triggered"}
        made["html_url"] = "https://acme.pagerduty.com/incidents/PNEW"
        pagerduty.post(f"{API}/incidents", json={"incident": made}, status=201)
        step = note_step(
            connection,
            key="create",
            action="pagerduty/create-incident",
            input={"from": DANA, "service_id": "PSVC1", "title": "New"},
        )
        publish(trigger, connection, steps=[step])
        arrived(deliver)

        page = bob.get(f"/runs/{Run.objects.get().id}/").content.decode()

        assert 'href="https://acme.pagerduty.com/incidents/PNEW"' in page


def test_what_has_not_failed_names_no_step(ask: Ask, note_workflow: Workflow, deliver: Deliver) -> None:
    deliver(incident_event())
    fanout.fan_out_due()

    assert ask("get", f"runs/{Run.objects.get().id}/").json()["failed_step"] is None
