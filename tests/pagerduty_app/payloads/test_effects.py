"""What our runs write in the sandbox comes back as events that are known as their echo; other events are not."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection
from pagerduty_app.actions.overrides import action as create_override
from pagerduty_app.payloads import effects
from pagerduty_app.payloads.on_call.events import sample_change
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.triggers.event_trigger import SERVICES
from pagerduty_app.triggers.event_types import EVENT_TRIGGERS
from tests.factories import DANA, SECRET, SYSTEM, incident_event, people, publish
from tests.support.consent import consented
from workflows import worker
from workflows.calls import loop_detection
from workflows.inbox import secrets
from workflows.models import Event, Run, Trigger
from workflows.triggers import lifecycle

KINDS = ["incident.triggered", "incident.acknowledged", "incident.annotated", "incident.resolved"]
NOBODY = "http://127.0.0.1:9/"


@pytest.fixture
def connection(db: None, sandbox: Sandbox) -> Connection:
    who = people()
    return consented(who.alice, who.acme, sandbox, optional=["incident_workflow_starts"])


@pytest.fixture
def heard(trigger: Trigger, sandbox: Sandbox) -> Any:
    """heard(): the sandbox's deliveries so far, oldest first, as events of our trigger that are not judged yet."""
    sandbox.subscribe("PACME01", NOBODY, KINDS, {"type": "account_reference"})

    def events() -> list[Event]:
        rows = sandbox.store.rows("SELECT event_type, body FROM deliveries ORDER BY seq")
        return [
            Event(trigger=trigger, external_id=str(number), event_type=kind, lane="x", body=body)
            for number, (kind, body) in enumerate(rows)
        ]

    return events


def steps(connection: Connection) -> list[dict[str, Any]]:
    def step(key: str, action: str, **step_input: str) -> dict[str, Any]:
        return {
            "key": key,
            "connection": str(connection.pk),
            "action": f"pagerduty/{action}",
            "input": {"from": DANA, **step_input},
        }

    made = "{{ steps.create.incident.id }}"
    return [
        step("create", "create-incident", service_id="PSVC00", title="Follow-up"),
        step("ack", "update-incident", incident_id=made, status="acknowledged"),
        step("note", "create-incident-note", incident_id=made, content="Seen by the workflow\n"),
        step("resolve", "update-incident", incident_id=made, status="resolved"),
    ]


def test_what_a_run_wrote_is_known_when_pagerduty_tells_of_it(
    trigger: Trigger, connection: Connection, deliver: Any, heard: Any
) -> None:
    publish(trigger, connection, steps=steps(connection))
    deliver(incident_event())
    worker.drain()
    run = Run.objects.get()
    assert run.status == "completed", run.error

    causes = {event.event_type: loop_detection.cause_of(event) for event in heard()}

    assert list(causes) == KINDS
    assert [cause and cause.run for cause in causes.values()] == [run] * 4


def test_what_a_person_does_in_the_sandbox_is_nobodys_echo(
    sandbox: Sandbox, trigger: Trigger, connection: Connection, deliver: Any, heard: Any
) -> None:
    publish(trigger, connection, steps=steps(connection)[:1])
    deliver(incident_event())
    worker.drain()
    incident = Run.objects.get().steps.get().call.output["incident"]["id"]  # type: ignore[union-attr,index]
    person = sandbox.person("PACME01")
    told = len(heard())

    sandbox.incidents.annotate("PACME01", person, incident, "I am looking at it")
    opened = sandbox.incidents.insert("PACME01", "PSVC00")["id"]
    sandbox.incidents.annotate("PACME01", person, opened, "Another one")

    later = heard()[told:]
    assert later
    assert [loop_detection.cause_of(event) for event in later] == [None] * len(later)


def test_an_event_about_a_part_of_an_incident_shows_the_incident() -> None:
    for row in EVENT_TRIGGERS:
        subject = "service:PSVC001" if row.group == SERVICES else "incident:PSAMPLE1"
        shown = effects.shown_by(row.sample)

        assert {effect.kind for effect in shown} == {row.event_type}
        assert shown[-1].subject == subject


def test_a_trigger_of_all_changes_knows_the_echo_of_an_acknowledgement(
    sandbox: Sandbox, connection: Connection, deliver: Any
) -> None:
    """It may show as acknowledged, and as reassigned to the user in whose name it was made."""
    changed = lifecycle.create(
        actor=SYSTEM,
        connection=connection,
        key="pagerduty/incident-changed",
        name="",
        options={"event_types": ["incident.triggered", "incident.acknowledged", "incident.reassigned"]},
    )
    secrets.add_secret(actor=SYSTEM, trigger=changed, secret=SECRET)
    incident = sandbox.incidents.insert("PACME01", "PSVC00")["id"]
    acknowledge = {"from": DANA, "incident_id": "{{ trigger.incident.id }}", "status": "acknowledged"}
    publish(
        changed,
        connection,
        steps=[
            {
                "key": "ack",
                "connection": str(connection.pk),
                "action": "pagerduty/update-incident",
                "input": acknowledge,
            }
        ],
    )

    def happens(kind: str, agent: dict[str, str] | None) -> None:
        payload = incident_event(kind, incident)
        payload["event"] |= {"agent": agent, "occurred_at": timezone.now().isoformat()}
        assert deliver(payload, to=changed).json() == {"status": "accepted"}
        worker.drain()

    happens("incident.triggered", None)
    (first,) = Run.objects.all()
    assert first.status == "completed", first.error
    us = {"id": sandbox.person("PACME01")["id"], "type": "user_reference"}
    happens("incident.acknowledged", us)
    happens("incident.reassigned", us)

    assert list(Run.objects.all()) == [first]
    assert [event.cause.run for event in Event.objects.filter(cause__isnull=False)] == [first, first]  # type: ignore[union-attr]
    happens("incident.reassigned", {"id": "PSOMEONE", "type": "user_reference"})
    assert Run.objects.count() == 2


def test_the_events_of_all_that_a_run_does_to_incidents_are_its_echo(
    sandbox: Sandbox, trigger: Trigger, connection: Connection, deliver: Any
) -> None:
    """PagerDuty sends an event for each user who is asked to help."""
    one, other = (sandbox.incidents.insert("PACME01", "PSVC00")["id"] for _ in range(2))
    common = {"from": DANA, "incident_id": one}
    inputs: list[tuple[str, dict[str, Any]]] = [
        ("update-incident", {"priority": "P2", "service_id": "PSVC01", "incident_type": "major_incident"}),
        ("update-incident", {"escalation_policy_id": "PPOL02", "conference_url": "https://meet.example/1"}),
        ("update-incident", {"escalation_level": 2}),
        ("update-incident", {"assignee_ids": ["PUSER02"]}),
        ("snooze-incident", {"duration_minutes": 5}),
        ("add-responders", {"user_ids": ["PUSER03"], "escalation_policy_ids": ["PPOL01"], "message": "Help"}),
        ("publish-status-update", {"message": "A fix is on its way"}),
        ("set-custom-fields", {"custom_fields": {"environment": "{{ trigger.event.event_type }}"}}),
        ("start-incident-workflow", {"incident_workflow_id": "PFLOW01"}),
        ("merge-incidents", {"source_incident_ids": [other]}),
    ]
    sandbox.subscribe("PACME01", NOBODY, [], {"type": "account_reference"})
    publish(
        trigger,
        connection,
        steps=[
            {
                "key": f"step_{number}",
                "connection": str(connection.pk),
                "action": f"pagerduty/{action}",
                "input": common | more,
            }
            for number, (action, more) in enumerate(inputs)
        ],
    )
    deliver(incident_event())
    worker.drain()
    run = Run.objects.get()
    assert run.status == "completed", run.error

    rows = sandbox.store.rows("SELECT event_type, body FROM deliveries ORDER BY seq")
    causes = []
    for number, (kind, body) in enumerate(rows):
        named = {"external_id": str(number), "event_type": kind, "lane": "x", "body": body}
        event = Event(trigger=trigger, workspace=trigger.workspace, status="done", **named)
        event.cause = loop_detection.cause_of(event)
        event.save()
        causes.append((kind, event.cause and event.cause.run))

    assert causes == [
        (f"incident.{kind}", run)
        for kind in (
            "service_updated",
            "incident_type.changed",
            "priority_updated",
            "delegated",
            "conference_bridge.updated",
            "escalated",
            "reassigned",
            "acknowledged",
            "responder.added",
            "responder.added",
            "status_update_published",
            "custom_field_values.updated",
            "workflow.started",
            "workflow.completed",
            "resolved",
        )
    ]
    help_again = {
        "user": {},
        "message": "Another request",
        "type": "incident_responder",
        "incident": {"id": one},
    }
    person = sandbox.person("PACME01")
    sandbox.announce("PACME01", "incident.responder.added", help_again, help_again, person)
    ((body,),) = sandbox.store.rows("SELECT body FROM deliveries ORDER BY seq DESC LIMIT 1")
    theirs = Event(
        trigger=trigger, external_id="p", event_type="incident.responder.added", lane="x", body=body
    )
    assert loop_detection.cause_of(theirs) is None


def test_a_hand_over_is_the_echo_of_an_override() -> None:
    hand_over = sample_change()

    (shown,) = effects.shown_by(hand_over)

    data = {"schedule_id": hand_over["event"]["data"]["schedule"]["id"]}
    (expected,) = create_override.effects(None, data, None)  # type: ignore[arg-type]
    assert (shown.subject, shown.kind) == (expected.subject, expected.kind)


def test_a_test_event_has_no_cause(trigger: Trigger) -> None:
    assert loop_detection.cause_of(lifecycle.send_test(actor=SYSTEM, trigger=trigger)) is None


@pytest.mark.parametrize(
    "payload",
    [None, [], "x", {}, {"event": 5}, {"event": {"event_type": "incident.triggered", "data": {"id": 5}}}],
)
def test_anything_can_be_asked_what_it_shows(payload: Any) -> None:
    assert effects.shown_by(payload) == []


def test_the_documented_events_show_their_incident_and_who_did_it() -> None:
    folder = os.environ.get("PAGERDUTY_EVENTS")
    if not folder:
        pytest.skip("set PAGERDUTY_EVENTS to a folder with one webhook body per event type")
    for kind in KINDS:
        shown = effects.shown_by(json.loads((Path(folder) / f"{kind}.json").read_text()))
        assert {effect.kind for effect in shown} == {kind}
        assert shown[-1].subject == "incident:PGR0VU2"
        assert all(effect.agent and effect.at for effect in shown)
