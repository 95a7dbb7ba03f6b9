"""Filters: which deliveries of an incident start workflows, by service, team, urgency and priority."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import settings as examples

from connections.models import AuditEvent, Connection
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.triggers import filters
from tests.factories import SYSTEM, Ask, asking, incident_event, people, publish
from tests.pagerduty_app.payloads.test_deliveries import JSON, documented
from tests.support.browser import path, signed_in, text
from tests.support.consent import consented
from workflows import catalog, worker
from workflows.authoring import samples
from workflows.engine import fanout
from workflows.inbox import secrets
from workflows.models import Event, Run, Trigger
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
PAYMENTS = {"id": "PSVC1", "type": "service_reference", "summary": "Payments"}
AGAIN = ["incident.reopened", "incident.unacknowledged"]


@pytest.fixture
def ask(client: Any, connection: Connection) -> Ask:
    return asking(client, connection.workspace)


def choose(trigger: Trigger, **options: Any) -> None:
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"options": options})


Deliver = Callable[..., Any]


# Which deliveries are let through.


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"service_ids": ["PSVC1"]}, ""),
        ({"service_ids": ["psvc1", "PSVC2"]}, ""),
        ({"service_ids": ["PSVC2"]}, "service Payments is not among the chosen ones"),
        ({"team_ids": ["PTEAM2"]}, ""),
        ({"team_ids": ["PTEAM9"]}, "teams Platform, Shop are not among the chosen ones"),
        ({"urgencies": ["high"]}, ""),
        ({"urgencies": ["low"]}, "urgency high is not among the chosen ones"),
        ({"priorities": ["p1"]}, ""),
        ({"priorities": ["P2", "P3"]}, "priority P1 is not among the chosen ones"),
        ({"service_ids": ["PSVC1"], "urgencies": ["low"]}, "urgency high is not among the chosen ones"),
        ({"service_ids": ["PSVC1"], "team_ids": ["PTEAM1"], "urgencies": ["high", "low"]}, ""),
    ],
)
def test_what_is_chosen_in_each_list_has_to_fit(
    deliver: Deliver, trigger: Trigger, options: dict[str, Any], why: str
) -> None:
    choose(trigger, **options)
    teams = [{"id": "PTEAM1", "summary": "Platform"}, {"id": "PTEAM2", "summary": "Shop"}]

    answer = deliver(incident_event(teams=teams, priority={"id": "PPRIO1", "summary": "P1"}))

    assert (answer.status_code, answer.json()) == (202, {"status": "filtered" if why else "accepted"})
    event = Event.objects.get()
    assert (event.status, event.error) == ("filtered" if why else "queued", why)


@pytest.mark.parametrize(
    "missing", [{}, {"priority": None}, {"priority": []}, {"priority": {"id": 7}}, {"priority": 1}]
)
def test_what_a_delivery_does_not_say_is_not_chosen(
    deliver: Deliver, trigger: Trigger, missing: dict[str, Any]
) -> None:
    choose(trigger, priorities=["P1"])

    assert deliver(incident_event(**missing)).status_code == 202

    assert Event.objects.get().error == "it names no priority, so it is not among the chosen ones"


@examples(deadline=None)
@given(payload=JSON)
def test_any_json_can_be_judged(payload: Any) -> None:
    options = {"service_ids": ["A"], "team_ids": ["B"], "urgencies": ["low"], "priorities": ["P1"]}

    for sent in (
        payload,
        {"event": payload},
        {"event": {"data": payload}},
        {"event": {"data": {"service": payload}}},
    ):
        assert filters.unwanted(options, sent, sent).endswith("not among the chosen ones")
        assert filters.unwanted({}, sent, sent) == ""


@pytest.mark.parametrize("body", documented())
def test_each_documented_incident_says_what_the_filters_ask_for(body: Any) -> None:
    payload = json.loads(body.read_text())
    data = payload["event"]["data"]
    if data.get("type") != "incident" or "incident_type" not in data:
        return
    options = {
        "service_ids": [data["service"]["id"]],
        "team_ids": [data["teams"][0]["id"]],
        "urgencies": [data["urgency"]],
        "priorities": [data["priority"]["summary"]],
    }
    assert filters.unwanted(options, payload, payload) == ""
    for name in options:
        assert filters.unwanted({**options, name: ["other"]}, payload, payload) != ""


def test_a_filtered_event_starts_nothing_and_holds_nothing_up(
    deliver: Deliver, trigger: Trigger, connection: Connection
) -> None:
    publish(trigger, connection)
    choose(trigger, urgencies=["high"])
    for urgency in ("high", "low", "high"):
        deliver(incident_event(urgency=urgency))

    while fanout.fan_out_due():
        pass

    assert list(Event.objects.order_by("seq").values_list("status", flat=True)) == [
        "done",
        "filtered",
        "done",
    ]
    assert Run.objects.count() == 2
    assert [event.status for event in samples.recent(trigger)] == ["done", "done"]


def test_a_changed_filter_leaves_what_was_judged_as_it_is(deliver: Deliver, trigger: Trigger) -> None:
    choose(trigger, urgencies=["low"])
    deliver(incident_event())
    choose(trigger, urgencies=["high"])
    deliver(incident_event())
    choose(trigger, urgencies=["low"])
    worker.drain()

    assert list(Event.objects.order_by("seq").values_list("status", flat=True)) == ["filtered", "done"]


def test_a_delivery_that_comes_again_is_judged_once(deliver: Deliver, trigger: Trigger) -> None:
    choose(trigger, urgencies=["low"])
    event = incident_event()
    assert deliver(event).json() == {"status": "filtered"}
    choose(trigger)

    assert deliver(event).json() == {"status": "duplicate"}

    assert Event.objects.get().status == "filtered"


def test_what_is_never_stored_is_judged_and_not_named(deliver: Deliver, trigger: Trigger) -> None:
    lifecycle.change(
        actor=SYSTEM,
        trigger=trigger,
        changes={"redact": ["event.data.service.summary", "event.data.urgency"]},
    )
    choose(trigger, service_ids=["PSVC1"], urgencies=["high"])
    deliver(incident_event(service=PAYMENTS))
    deliver(incident_event(service=PAYMENTS | {"id": "PSVC2", "summary": "Secret name"}))

    accepted, filtered = Event.objects.order_by("seq")

    assert accepted.status == "queued"
    assert filtered.error == "service [redacted] is not among the chosen ones"


def test_a_paused_trigger_ignores_before_it_filters(deliver: Deliver, trigger: Trigger) -> None:
    choose(trigger, urgencies=["low"])
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"status": "paused"})

    deliver(incident_event())

    assert (Event.objects.get().status, Event.objects.get().error) == ("ignored", "")


def test_a_test_event_is_let_through(trigger: Trigger) -> None:
    choose(trigger, service_ids=["PNOTTHESAMPLES"])

    assert lifecycle.send_test(actor=SYSTEM, trigger=trigger).status == "done"


def test_what_was_held_is_judged_by_the_filter_as_it_is_when_the_secret_comes(
    deliver: Deliver, connection: Connection
) -> None:
    late = lifecycle.create(
        actor=SYSTEM,
        connection=connection,
        key="pagerduty/incident-resolved",
        name="",
        options={"urgencies": ["high"]},
    )
    assert deliver(incident_event("incident.resolved"), to=late).json() == {"status": "held"}
    choose(late, urgencies=["low"])

    _, verdicts = secrets.add_secret(actor=SYSTEM, trigger=late, secret="a-signing-secret-of-the-test")

    assert verdicts == {"filtered": 1}


# Incidents that become triggered again.


@pytest.mark.parametrize("kind", AGAIN)
def test_triggered_again_is_off_at_first(deliver: Deliver, trigger: Trigger, kind: str) -> None:
    assert deliver(incident_event(kind)).json() == {"status": "ignored"}
    choose(trigger, triggered_again=True)
    assert deliver(incident_event(kind)).json() == {"status": "accepted"}
    choose(trigger, triggered_again=True, urgencies=["low"])
    assert deliver(incident_event(kind)).json() == {"status": "filtered"}


def test_only_the_triggered_one_has_it(ask: Ask, connection: Connection) -> None:
    for name in ("acknowledged", "resolved"):
        asked = {"key": f"pagerduty/incident-{name}", "connection": str(connection.pk)}
        answer = ask("post", "triggers/", asked | {"options": {"triggered_again": True}})
        assert answer.status_code == 400
        assert answer.json()["error"]["fields"]["options"].keys() == {"triggered_again"}


# Setting them.


def test_the_api_validates_shows_and_replaces_them(ask: Ask, trigger: Trigger) -> None:
    where = f"triggers/{trigger.pk}/"
    assert ask("get", where).json()["options"] == {}
    wanted = {"triggered_again": True, "service_ids": ["PSVC1"], "priorities": ["Sev 1"]}

    answer = ask("patch", where, {"options": wanted})

    assert (answer.status_code, answer.json()["options"]) == (200, wanted)
    assert AuditEvent.objects.get(action="trigger.changed").detail["options"] == wanted
    assert ask("patch", where, {"name": "Else"}).json()["options"] == wanted
    assert ask("patch", where, {"options": {"triggered_again": False}}).json()["options"] == {}


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"services": ["PSVC1"]}, {"services"}),
        ({"service_ids": []}, {"service_ids"}),
        ({"service_ids": ["../x"]}, {"service_ids"}),
        ({"service_ids": "PSVC1"}, {"service_ids"}),
        ({"urgencies": ["urgent"]}, {"urgencies"}),
        ({"priorities": ["P1"] * 101}, {"priorities"}),
        ({"priorities": [1]}, {"priorities"}),
        ({"triggered_again": "often", "team_ids": [""]}, {"triggered_again", "team_ids"}),
    ],
)
def test_what_is_wrong_with_them_is_said_field_by_field(
    ask: Ask, trigger: Trigger, options: Any, names: set[str]
) -> None:
    answer = ask("patch", f"triggers/{trigger.pk}/", {"options": options})

    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]["options"].keys() == names
    trigger.refresh_from_db()
    assert trigger.options == {}


def test_a_trigger_of_notes_has_none(ask: Ask, connection: Connection) -> None:
    asked = {"key": "pagerduty/incident-note-added", "connection": str(connection.pk)}

    assert ask("post", "triggers/", asked | {"options": {"urgencies": ["high"]}}).status_code == 400
    made = ask("post", "triggers/", asked | {"options": {}})

    assert (made.status_code, made.json()["options"]) == (201, {})


def test_the_catalog_has_their_schema(ask: Ask) -> None:
    known = {row["key"]: row for row in ask("get", "catalog/").json()["integrations"][0]["triggers"]}

    triggered = known["pagerduty/incident-triggered"]
    assert triggered["more_event_types"] == {"triggered_again": AGAIN}
    assert triggered["options_schema"]["properties"]["team_ids"]["x-lookup"] == "pagerduty/teams"
    assert "triggered_again" not in known["pagerduty/incident-resolved"]["options_schema"]["properties"]
    assert known["pagerduty/incident-note-added"]["options_schema"]["properties"] == {}


@pytest.mark.parametrize("key", [key for known in catalog.integrations() for key in known.triggers])
def test_every_sample_passes_empty_options(key: str) -> None:
    kind = catalog.find_trigger(key)
    assert kind is not None
    assert kind.wants({}, kind.sample, kind.sample) == ""
    happened = kind.sample["event"]["event_type"]
    assert happened in kind.listens_to(
        {kind.event_types_option: [happened]} if kind.event_types_option else {}
    )


# On the pages.


def test_they_are_chosen_from_the_account_on_a_page_of_the_trigger(sandbox: Sandbox) -> None:
    who = people()
    connection = consented(who.bob, who.acme, sandbox)
    trigger = lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New"
    )
    browser, where = signed_in(who.bob), path("options", trigger)
    page = browser.get(where).content.decode()
    assert 'type="checkbox" name="service_ids" value="PSVC00"' in page
    assert 'type="checkbox" name="team_ids" value="PTEAM01"' in page
    assert "Checkout" in page
    assert "Shop" in page

    answer = browser.post(
        where,
        {
            "triggered_again": "on",
            "service_ids": ["PSVC00", "PSVC01"],
            "urgencies": ["high"],
            "priorities": "P1, Sev 1",
        },
    )

    assert answer.status_code == 302
    trigger.refresh_from_db()
    assert trigger.options == {
        "triggered_again": True,
        "service_ids": ["PSVC00", "PSVC01"],
        "urgencies": ["high"],
        "priorities": ["P1", "Sev 1"],
    }
    shown = text(browser.get(path("detail", trigger)))
    assert "Services: PSVC00, PSVC01" in shown
    for kind in ["incident.triggered", *AGAIN]:
        assert kind in shown, "the guide names what to tick"
    assert AuditEvent.objects.filter(action="trigger.changed", user=who.bob).exists()

    assert browser.post(where, {"priorities": "x" * 101}).status_code == 400
    assert browser.post(where, {}).status_code == 302
    trigger.refresh_from_db()
    assert trigger.options == {}
    assert "incident.reopened" not in text(browser.get(path("detail", trigger)))


def test_where_the_lists_cannot_be_loaded_ids_are_typed(trigger: Trigger) -> None:
    who = people()
    Connection.objects.update(status="error")
    Connection.objects.update(workspace=who.acme)
    Trigger.objects.update(workspace=who.acme)

    answer = signed_in(who.bob).get(path("options", trigger))

    assert "could not be loaded; type the ID" in text(answer)


def test_a_trigger_without_options_has_no_such_page(connection: Connection) -> None:
    who = people()
    made = lifecycle.create(actor=SYSTEM, connection=connection, key="pagerduty/incident-note-added", name="")
    Connection.objects.update(workspace=who.acme)
    Trigger.objects.update(workspace=who.acme)
    browser = signed_in(who.bob)

    assert browser.get(path("options", made)).status_code == 404
    assert "Options" not in text(browser.get(path("detail", made)))


def test_the_deliveries_say_why_and_can_be_narrowed_to_them(deliver: Deliver, trigger: Trigger) -> None:
    who = people()
    Connection.objects.update(workspace=who.acme)
    Trigger.objects.update(workspace=who.acme)
    trigger.refresh_from_db()
    choose(trigger, service_ids=["PSVC2"])
    deliver(incident_event())
    choose(trigger)
    deliver(incident_event(title="Another one"))
    browser = signed_in(who.bob)

    listed = text(browser.get(path("deliveries", trigger), {"verdict": "filtered"}))
    single = text(browser.get(path("delivery", trigger, Event.objects.get(status="filtered").id)))

    assert "service Payments is not among the chosen ones" in listed
    assert "Another one" not in listed
    assert "Filtered service Payments is not among the chosen ones" in single
    assert "None: filtered by the trigger’s options" in single


def test_the_row_knows_no_other_status(deliver: Deliver, trigger: Trigger) -> None:
    deliver(incident_event())
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.update(status="left-out")
