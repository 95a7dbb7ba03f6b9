"""Deadlines on pages, in the API, in recipes and in the catalog."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from jsonschema import Draft7Validator

from connections.models import Connection
from pagerduty_app.payloads.deliveries import trigger_fields
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.triggers.recipes import RECIPES
from pagerduty_app.triggers.types import TRIGGERS
from tests.connections.admin.staff import staff
from tests.factories import SYSTEM, People, asking, list_step, publish
from tests.pagerduty_app.triggers.deadlines.moments import NINE, TEN_PAST
from tests.support.browser import signed_in, text
from tests.support.deadlines import (
    MINUTE,
    NOT_ACKNOWLEDGED,
    NOT_RESOLVED,
    Incident,
    at,
    overdue,
    passed,
)
from tests.support.present import present
from workflows import catalog
from workflows.authoring import samples
from workflows.models import Event, Hook, HookDelivery, Run, Trigger
from workflows.subscriptions import requests
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


def test_it_starts_workflows_which_deliveries_do_not(
    connection: Connection, trigger: Trigger, incident: Incident, who: People
) -> None:
    workflow = publish(trigger, connection, steps=[list_step(connection)])
    Hook.objects.create(workspace=who.acme, name="All", url="https://acme.example/hook")
    incident.tell(trigger, "triggered", NINE)
    assert (Run.objects.count(), HookDelivery.objects.count()) == (0, 0)

    at(TEN_PAST)

    run = Run.objects.get()
    assert (run.workflow, run.lane, run.event.event_type) == (
        workflow,
        incident.id,
        "incident.not_acknowledged",
    )
    assert HookDelivery.objects.get().event == run.event
    page = text(signed_in(who.bob).get(f"/triggers/{trigger.pk}/"))

    assert "None: begins or ends a deadline" in page
    assert "Deadline passed" in page


@pytest.mark.parametrize("what", [NOT_ACKNOWLEDGED, NOT_RESOLVED])
def test_the_sample_has_the_shape_of_a_real_one_and_each_field_can_be_inserted(
    connection: Connection, incident: Incident, what: str
) -> None:
    trigger, kind = overdue(connection, what), TRIGGERS[f"pagerduty/{what}"]
    incident.tell(trigger, "triggered", NINE)
    at(TEN_PAST)
    (real,) = passed()

    assert kind.sample["event"]["data"].keys() == real["data"].keys()
    assert kind.sample["event"]["data"]["deadline"].keys() == real["data"]["deadline"].keys()
    validator = Draft7Validator(kind.output_schema)
    for event in (kind.sample["event"], real):
        fields = trigger_fields({"event": event})
        validator.validate(fields)
        assert fields["deadline"]["minutes"] == 10
        assert "deadline" not in fields["incident"]
    (source,) = samples.sources(publish(trigger, connection, steps=[list_step(connection)]), [])
    offered = {field.path: field.name for field in source.fields}
    assert offered["trigger.deadline.minutes"] == "Deadline minutes"
    assert offered["trigger.incident.title"] == "Incident title"


def test_fields_that_are_never_stored_are_not_stored_of_the_event_either(
    trigger: Trigger, incident: Incident
) -> None:
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"redact": ["event.data.title"]})
    incident.tell(trigger, "triggered", NINE)

    at(TEN_PAST)

    assert [row.payload["event"]["data"]["title"] for row in Event.objects.all()] == ["[redacted]"] * 2


@pytest.mark.parametrize("what", [NOT_ACKNOWLEDGED, NOT_RESOLVED])
def test_the_webhook_delivers_all_that_begins_and_ends_deadlines_and_the_guide_says_so(
    connection: Connection, who: People, what: str
) -> None:
    trigger = overdue(connection, what)
    trigger.secrets.all().delete()
    names = ["acknowledged", "reopened", "resolved", "triggered", "unacknowledged"]

    assert requests.events_of(trigger) == [f"incident.{name}" for name in names]
    page = text(signed_in(who.bob).get(f"/triggers/{trigger.pk}/"))
    assert "tick " + " , ".join(f"incident.{name}" for name in names) in page


@pytest.mark.parametrize("minutes", [None, 0, 10_081, "soon", 1.5])
def test_minutes_are_one_to_seven_days(client: Client, connection: Connection, minutes: Any) -> None:
    ask, options = asking(client, connection.workspace), {} if minutes is None else {"minutes": minutes}

    answer = ask(
        "post",
        "triggers/",
        {"key": f"pagerduty/{NOT_RESOLVED}", "connection": str(connection.pk), "options": options},
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]["options"].keys() == {"minutes"}


def test_it_is_made_on_its_pages(connection: Connection, who: People) -> None:
    browser = signed_in(who.bob)
    given = {"connection": str(connection.pk), "key": f"pagerduty/{NOT_ACKNOWLEDGED}", "name": ""}

    assert "Minutes" in text(browser.post("/triggers/add/", given))
    made = browser.post(
        "/triggers/add/", given | {"with-options": "1", "minutes": "15", "urgencies": ["high"]}
    )

    assert made.status_code == 302
    assert Trigger.objects.get().options == {"minutes": 15, "urgencies": ["high"]}


def test_the_recipe_makes_its_trigger_with_its_time(connection: Connection, who: People) -> None:
    recipe = RECIPES["pagerduty/note-if-not-acknowledged"]
    form = {"name": "Mine", "trigger": "", "event": recipe.trigger, "connection": str(connection.pk)}

    answer = signed_in(who.bob).post(f"/workflows/add/?recipe={recipe.key}", form)

    assert answer.status_code == 302
    assert Trigger.objects.get().options == recipe.options == {"minutes": 10, "urgencies": ["high"]}


def test_the_page_and_the_api_show_how_many_are_open_and_the_next(
    client: Client, trigger: Trigger, sandbox: Sandbox, who: People, connection: Connection
) -> None:
    ask = asking(client, connection.workspace)
    for number in range(3):
        Incident(sandbox, NINE).tell(trigger, "triggered", NINE + number * MINUTE)

    told = ask("get", f"triggers/{trigger.pk}/").json()["deadlines"]
    page = text(signed_in(who.bob).get(f"/triggers/{trigger.pk}/"))

    assert (told["open"], told["next_due_at"]) == (3, "2026-11-30T09:10:00Z")
    assert "Open 3 Next due" in page
    assert "3 open, next 2026-11-30 09:10" in text(
        staff(who.dora, "Support").get(f"/admin/workflows/trigger/{trigger.pk}/change/")
    )
    kinds = {kind["key"]: kind for kind in ask("get", "catalog/").json()["integrations"][0]["triggers"]}
    assert kinds[trigger.key]["deadline"] is True
    assert len(kinds[trigger.key]["delivered_event_types"]) == 5
    assert kinds["pagerduty/incident-triggered"]["deadline"] is False


def test_the_page_of_a_paused_trigger_says_that_its_deadlines_ended(
    trigger: Trigger, incident: Incident, who: People
) -> None:
    incident.tell(trigger, "triggered", NINE)
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"status": "paused"})

    page = text(signed_in(who.bob).get(reverse("triggers:detail", args=[trigger.pk])))

    assert "Open deadlines ended with the pause; resuming does not bring them back." in page


def test_the_types_of_our_own_events_are_no_webhook_s() -> None:
    for kind in TRIGGERS.values():
        rule = catalog.deadline_rule(kind.key)
        if rule is not None:
            assert kind.event_types == {rule.event_type}
            assert not kind.event_types & rule.delivered
            assert present(catalog.find_trigger(kind.key)).listens_to({}) == kind.event_types
