"""Each recipe: begun on its page, filled in with the editor's own forms, published, and run by the real worker."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import responses
from django.test import Client
from django.urls import reverse

from connections.models import Connection, Workspace
from pagerduty_app.triggers.recipes import RECIPES
from tests.factories import API, DANA, SECRET, SYSTEM, People, incident_event
from tests.support.agency import INCIDENT
from tests.support.browser import signed_in, text
from tests.support.html_forms import form_of
from tests.support.present import present
from workflows import worker
from workflows.conditions import possible_nulls
from workflows.inbox import secrets
from workflows.models import ActionCall, Run, Trigger, Workflow
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
ADD = reverse("workflows:add")
Deliver = Callable[..., Any]


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


@pytest.fixture
def pagerduty_asked(provider: responses.RequestsMock) -> Callable[[], list[tuple[str, str, Any]]]:
    """(method, path, body) of each write, and of each listing of incidents, so far."""

    def asked() -> list[tuple[str, str, Any]]:
        made = [
            (str(call.request.method), present(call.request.url).removeprefix(API), call.request.body)
            for call in provider.calls
        ]
        return [
            (method, path, json.loads(body) if body else None)
            for method, path, body in made
            if method != "GET" or path.startswith("/incidents?")
        ]

    return asked


def begin(bob: Client, recipe: str, trigger: Trigger) -> Workflow:
    page = bob.get(ADD, {"recipe": f"pagerduty/{recipe}"})
    answer = bob.post(f"{ADD}?recipe=pagerduty/{recipe}", form_of(page, trigger=str(trigger.pk)))
    assert answer.status_code == 302, text(answer)
    workflow = Workflow.objects.get()
    assert workflow.name == RECIPES[f"pagerduty/{recipe}"].name
    return workflow


def fill(bob: Client, workflow: Workflow, step: str, **values: str) -> None:
    """Open the form of a step, enter what it leaves open, send it."""
    where = reverse("workflows:step", args=[workflow.pk, step])
    answer = bob.post(where, form_of(bob.get(where), **values))
    assert answer.status_code == 302, text(answer)


def publish(bob: Client, workflow: Workflow) -> None:
    page = text(bob.post(reverse("workflows:publish", args=[workflow.pk]), follow=True))
    assert "Version 1 is published" in page, page


def ran() -> Run:
    worker.drain()
    run = Run.objects.get()
    assert run.status == "completed", run.error
    return run


def test_the_page_offers_them_all_with_words(bob: Client, trigger: Trigger) -> None:
    page = text(bob.get(ADD))
    assert len(RECIPES) == 6
    for recipe in RECIPES.values():
        assert recipe.name in page
    assert bob.get(ADD, {"recipe": "pagerduty/none"}).status_code == 404


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_is_left_open_is_listed_and_not_published(
    bob: Client, connection: Connection, provider: Any, recipe: str
) -> None:
    of = RECIPES[recipe]
    made = lifecycle.create(actor=SYSTEM, connection=connection, key=of.trigger, name="", options=of.options)
    workflow = begin(bob, recipe.partition("/")[2], made)

    page = text(bob.get(reverse("workflows:edit", args=[workflow.pk])))
    assert "Fix these issues to publish" in page
    assert "From" in page
    bob.post(reverse("workflows:publish", args=[workflow.pk]))
    workflow.refresh_from_db()
    assert workflow.live is None


def test_a_runbook_note(
    bob: Client, trigger: Trigger, deliver: Deliver, provider: Any, pagerduty_asked: Any
) -> None:
    workflow = begin(bob, "runbook-note", trigger)
    fill(bob, workflow, "note", in_from=DANA)
    publish(bob, workflow)
    deliver(incident_event(urgency="low"))
    deliver(incident_event())

    ran()

    assert pagerduty_asked()[-1] == (
        "POST",
        "/incidents/PINC1/notes",
        {"note": {"content": "Runbook for Payments: put its address here"}},
    )


def test_a_mirror_is_opened_on_the_second_service_and_not_mirrored_itself(
    bob: Client, trigger: Trigger, deliver: Deliver, provider: Any, pagerduty_asked: Any
) -> None:
    workflow = begin(bob, "mirror", trigger)
    fill(bob, workflow, "mirror", in_from=DANA, in_service_id="PSVC1")
    publish(bob, workflow)
    deliver(incident_event(number=7, html_url="https://acme.pagerduty.com/incidents/PINC1"))
    deliver(incident_event(incident="PINC2", incident_key="mirror-PINC1"))

    ran()

    made = pagerduty_asked()[-1][2]["incident"]
    assert made["incident_key"] == "mirror-PINC1"
    assert made["title"] == "Payments are slow"
    assert made["service"]["id"] == "PSVC1"
    assert "incident 7: https://acme.pagerduty.com" in made["body"]["details"]


@pytest.mark.parametrize(
    ("when", "urgency", "acknowledged"),
    [
        ("2026-11-01T23:30:00Z", "low", True),
        ("2026-11-01T05:59:59Z", "low", True),
        ("2026-11-01T23:30:00Z", "high", False),
        ("2026-11-01T12:00:00Z", "low", False),
    ],
)
def test_only_unimportant_ones_of_the_night_are_acknowledged(
    bob: Client,
    trigger: Trigger,
    deliver: Deliver,
    provider: Any,
    pagerduty_asked: Any,
    when: str,
    urgency: str,
    acknowledged: bool,
) -> None:
    workflow = begin(bob, "acknowledge-in-a-window", trigger)
    fill(bob, workflow, "acknowledge", in_from=DANA)
    publish(bob, workflow)
    event = incident_event(urgency=urgency)
    event["event"]["occurred_at"] = when
    deliver(event)
    worker.drain()

    assert Run.objects.count() == acknowledged
    puts = [body for method, _, body in pagerduty_asked() if method == "PUT"]
    assert [body["incident"]["status"] for body in puts] == ["acknowledged"] * acknowledged


def test_an_urgent_one_is_followed_up_and_says_so(
    bob: Client, trigger: Trigger, deliver: Deliver, provider: Any, pagerduty_asked: Any
) -> None:
    workflow = begin(bob, "escalate", trigger)
    fill(bob, workflow, "escalate", in_from=DANA, in_service_id="PSVC1")
    fill(bob, workflow, "tell", in_from=DANA)
    publish(bob, workflow)
    deliver(incident_event(number=7, html_url="https://acme.pagerduty.com/incidents/PINC1"))
    deliver(incident_event(incident="PINC2", incident_key="follow-up-PINC1"))

    ran()

    opened, told = pagerduty_asked()[-2:]
    assert opened[2]["incident"]["title"] == "Follow-up: Payments are slow"
    assert told[2] == {"note": {"content": f"Follow-up created: {INCIDENT['html_url']}"}}


@pytest.mark.parametrize("still_open", [True, False])
def test_the_follow_up_is_resolved_with_the_original_if_it_is_still_open(
    bob: Client,
    connection: Connection,
    client: Client,
    deliver: Deliver,
    provider: Any,
    pagerduty_asked: Any,
    still_open: bool,
) -> None:
    resolved = lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-resolved", name=""
    )
    secrets.add_secret(actor=SYSTEM, trigger=resolved, secret=SECRET)
    if not still_open:
        provider.replace(responses.GET, f"{API}/incidents", json={"incidents": [], "more": False})
    workflow = begin(bob, "resolve-follow-up", resolved)
    fill(bob, workflow, "resolve", in_from=DANA)
    publish(bob, workflow)
    deliver(incident_event("incident.resolved", incident="POTHER"), to=resolved)

    ran()

    asked = pagerduty_asked()
    found = next(path for method, path, _ in asked if method == "GET")
    assert "incident_key=follow-up-POTHER" in found
    assert "statuses%5B%5D=triggered&statuses%5B%5D=acknowledged" in found
    resolutions = [(path, body["incident"]["status"]) for method, path, body in asked if method == "PUT"]
    assert resolutions == [("/incidents/PINC1", "resolved")] * still_open
    assert ActionCall.objects.filter(status="failed").count() == 0


class TestANewTriggerInPlace:
    NEW = {"name": "Mine", "event": "pagerduty/incident-triggered", "trigger": ""}

    def test_it_is_made_with_the_draft_whose_editor_leads_to_its_set_up(
        self, bob: Client, connection: Connection
    ) -> None:
        answer = bob.post(ADD, self.NEW | {"connection": str(connection.pk)}, follow=True)

        made = Trigger.objects.get()
        assert made.connection == connection
        assert Workflow.objects.get().trigger == made
        page = answer.content.decode()
        assert "The trigger hasn’t received any events yet" in page
        assert reverse("triggers:detail", args=[made.pk]) in page

    def test_a_recipe_on_it_listens_to_what_the_recipe_needs(
        self, bob: Client, connection: Connection
    ) -> None:
        page = bob.get(ADD, {"recipe": "pagerduty/resolve-follow-up"})
        assert "pagerduty/incident-triggered" not in page.content.decode()

        bob.post(f"{ADD}?recipe=pagerduty/resolve-follow-up", form_of(page))

        assert Trigger.objects.get().key == "pagerduty/incident-resolved"
        assert len(Workflow.objects.get().draft["steps"]) == 2

    @pytest.mark.parametrize("missing", ["connection", "event"])
    def test_what_is_missing_is_named_and_nothing_is_made(
        self, bob: Client, connection: Connection, missing: str
    ) -> None:
        data = self.NEW | {"connection": str(connection.pk)} | {missing: ""}
        answer = bob.post(ADD, data)

        assert answer.status_code == 400
        assert "for the new trigger." in text(answer)
        assert not Trigger.objects.exists()

    def test_a_foreign_connection_is_none(self, who: People, connection: Connection) -> None:
        stranger = signed_in(who.charlie)
        answer = stranger.post(ADD, self.NEW | {"connection": str(connection.pk)})

        assert answer.status_code == 400
        assert not Trigger.objects.exists()

    def test_a_revoked_connection_makes_neither(self, bob: Client, connection: Connection) -> None:
        Connection.objects.update(status="revoked", revoked_at="2026-11-01T00:00:00Z")
        assert bob.post(ADD, self.NEW | {"connection": str(connection.pk)}).status_code == 400
        assert not Workflow.objects.exists()


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_no_recipe_fails_for_an_event_without_what_can_be_null(recipe: Any) -> None:
    definition = {"conditions": recipe.conditions, "steps": recipe.steps}

    assert possible_nulls.of_definition(recipe.trigger, definition) == {}
