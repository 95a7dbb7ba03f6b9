"""Each documented event type has a trigger: its events start workflows, and each of their fields can be inserted."""

import json
import re
import uuid
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from connections.models import Connection
from pagerduty_app.payloads.deliveries import trigger_fields
from pagerduty_app.sandbox.world.event_types import EVENT_TYPES
from pagerduty_app.triggers.event_types import EVENT_TRIGGERS
from pagerduty_app.triggers.types import TRIGGERS
from tests.factories import SECRET, SYSTEM, Ask, asking, incident_event, list_step, people, publish
from tests.pagerduty_app.payloads.test_deliveries import bodies, documented
from tests.pagerduty_app.payloads.test_fields import leaves
from tests.support.browser import signed_in, text
from workflows.authoring import samples
from workflows.engine import fanout
from workflows.inbox import secrets
from workflows.models import Event, Run, Trigger, Workflow
from workflows.triggers import lifecycle

CHANGED, ANY = "pagerduty/incident-changed", "pagerduty/any-event"
OWN = {row.event_type: f"pagerduty/{row.key}" for row in EVENT_TRIGGERS}
DOCUMENTED = [one for one in documented() if one.id != "pagey.ping"]


def listening(connection: Connection, key: str, **options: Any) -> Trigger:
    made = lifecycle.create(actor=SYSTEM, connection=connection, key=key, name="", options=options)
    secrets.add_secret(actor=SYSTEM, trigger=made, secret=SECRET)
    return made


def start_all() -> None:
    while fanout.fan_out_due():
        pass


def test_the_tables_have_each_documented_type_once() -> None:
    assert sorted(OWN) == sorted(EVENT_TYPES)
    assert len(OWN) == len(EVENT_TRIGGERS)
    if bodies():
        assert {path.stem for path in bodies()} == {*OWN, "pagey.ping"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", DOCUMENTED)
def test_a_documented_event_starts_workflows_by_its_own_trigger_and_by_those_that_name_it(
    deliver: Any, connection: Connection, path: Path
) -> None:
    triggers = [listening(connection, OWN[path.stem]), listening(connection, ANY, event_types=[path.stem])]
    if path.stem.startswith("incident."):
        triggers.append(listening(connection, CHANGED, event_types=[path.stem]))
    for trigger in triggers:
        publish(trigger, connection, steps=[list_step(connection)])
        payload = json.loads(path.read_text())
        payload["event"]["id"] = uuid.uuid4().hex
        assert deliver(payload, to=trigger).json() == {"status": "accepted"}

    start_all()

    assert {run.event.trigger_id for run in Run.objects.select_related("event") if run.event} == {
        trigger.pk for trigger in triggers
    }


@pytest.mark.parametrize("path", DOCUMENTED)
def test_each_field_of_a_documented_event_can_be_inserted_by_clicking(path: Path) -> None:
    delivered = {
        ".".join("0" if isinstance(name, int) else name for name in route)
        for route, _ in leaves({"trigger": trigger_fields(json.loads(path.read_text()))})
        if route[-1] not in ("self", "type")
    }
    # Of a custom field with several values the whole list is offered.
    delivered = {re.sub(r"\.value\.0$", ".value", field) for field in delivered}
    several = {CHANGED: {"event_types": [path.stem]}} if path.stem.startswith("incident.") else {}
    for key, options in ({OWN[path.stem]: {}, ANY: {"event_types": [path.stem]}} | several).items():
        workflow = Workflow(trigger=Trigger(key=key, name="It", options=options))
        (source,) = samples.sources(workflow, [])

        offered = {field.path for field in source.fields}
        # Of an object that is null here, such as the monitoring tool, the inner fields are offered.
        inside = {path for path in delivered if any(field.startswith(f"{path}.") for field in offered)}
        assert delivered - inside - offered == set(), key
        assert offered - set(source.names) == set(), key


# Chosen types.


@pytest.mark.django_db
def test_what_was_not_chosen_is_ignored_and_the_filters_apply(deliver: Any, connection: Connection) -> None:
    changed = listening(
        connection, CHANGED, event_types=["incident.escalated", "incident.annotated"], urgencies=["low"]
    )
    note = incident_event("incident.annotated")
    note["event"]["data"] = {"type": "incident_note", "id": "N1", "incident": {"id": "PINC1"}}

    said = [
        deliver(payload, to=changed).json()["status"]
        for payload in (
            incident_event("incident.escalated", urgency="low"),
            incident_event("incident.escalated", urgency="high"),
            incident_event("incident.resolved", urgency="low"),
            note,
        )
    ]

    assert said == ["accepted", "filtered", "ignored", "filtered"]
    assert Event.objects.get(event_type="incident.annotated").error == (
        "it names no urgency, so it is not among the chosen ones"
    )


@pytest.mark.django_db
def test_a_type_of_tomorrow_starts_workflows_and_its_body_can_be_used(
    deliver: Any, connection: Connection
) -> None:
    newer = listening(connection, ANY, event_types=["incident.teleported"])
    publish(newer, connection, steps=[list_step(connection)])
    payload = incident_event("incident.teleported")
    payload["event"]["data"] = {"type": "incident_teleport", "to": {"planet": "Mars"}}

    assert deliver(payload, to=newer).json() == {"status": "accepted"}

    start_all()
    assert Run.objects.count() == 1
    assert trigger_fields(payload)["incident"]["to"] == {"planet": "Mars"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "given"),
    [
        (CHANGED, None),
        (CHANGED, []),
        (CHANGED, ["service.created"]),
        (CHANGED, "incident.escalated"),
        (ANY, None),
        (ANY, []),
        (ANY, ["incident"]),
        (ANY, ["incident.*"]),
        (ANY, ["incident.Escalated"]),
        (ANY, ["pagey.ping"]),
        (ANY, [f"incident.n{number}" for number in range(21)]),
    ],
)
def test_types_have_to_be_chosen_and_to_be_types(
    client: Any, connection: Connection, key: str, given: Any
) -> None:
    ask: Ask = asking(client, connection.workspace)
    options = {} if given is None else {"event_types": given}

    answer = ask("post", "triggers/", {"key": key, "connection": str(connection.pk), "options": options})

    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]["options"].keys() == {"event_types"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "given", "stored"),
    [
        (CHANGED, ["incident.task.created", "incident.task.created"], ["incident.task.created"]),
        (ANY, ["service.renamed", "incident.escalated"], ["service.renamed", "incident.escalated"]),
    ],
)
def test_a_test_event_is_one_of_the_chosen_types(
    connection: Connection, key: str, given: list[str], stored: list[str]
) -> None:
    made = listening(connection, key, event_types=given)

    event = lifecycle.send_test(actor=SYSTEM, trigger=made)

    assert made.options == {"event_types": stored}
    assert (event.event_type, event.status) == (stored[0], "done")


# Services.


@pytest.mark.django_db
def test_the_events_of_a_service_are_filtered_by_it_and_by_its_teams(
    deliver: Any, connection: Connection
) -> None:
    updated = listening(connection, "pagerduty/service-updated", service_ids=["PSVC1"], team_ids=["PTEAM1"])
    values = listening(connection, "pagerduty/service-custom-fields-updated", service_ids=["PSVC1"])

    def service(some_id: str, team: str) -> Any:
        payload = incident_event("service.updated")
        payload["event"]["data"] = {"type": "service", "id": some_id, "teams": [{"id": team}]}
        return deliver(payload, to=updated).json()["status"]

    def fields_of(some_id: str) -> Any:
        payload = incident_event("service.custom_field_values.updated")
        payload["event"]["data"] = {"type": "service_field_values", "service": {"id": some_id}}
        return deliver(payload, to=values).json()["status"]

    assert [service("PSVC1", "PTEAM1"), service("PSVC2", "PTEAM1"), service("PSVC1", "PTEAM2")] == [
        "accepted",
        "filtered",
        "filtered",
    ]
    assert [fields_of("PSVC1"), fields_of("PSVC2")] == ["accepted", "filtered"]


# Where people see them.


@pytest.mark.django_db
def test_the_picker_groups_them_with_the_common_ones_first(connection: Connection) -> None:
    who = people()
    Connection.objects.update(workspace=who.acme)
    browser = signed_in(who.bob)

    page = browser.get("/triggers/add/").content.decode()
    chosen = browser.post("/triggers/add/", {"key": OWN["service.updated"]}).content.decode()

    assert re.findall(r"<summary>([^<]+)</summary>", page) == [
        "More incident events",
        "Incident response",
        "Automation",
        "Services",
        "Other",
    ]
    assert (
        page.index(CHANGED) < page.index("<summary>More incident events") < page.index("incident-escalated")
    )
    assert all(f"{kind.name} – " in page for kind in TRIGGERS.values())
    assert '<details class="more" open>\n        <summary>Services' in chosen
    groups = re.findall(r'<optgroup label="([^"]+)">', browser.get("/workflows/add/").content.decode())
    assert groups == ["Common", "More incident events", "Incident response", "Automation", "Services"]


@pytest.mark.django_db
def test_types_are_ticked_by_their_names_and_the_guide_lists_them(connection: Connection) -> None:
    who = people()
    Connection.objects.update(workspace=who.acme)
    browser = signed_in(who.bob)
    given = {"connection": str(connection.pk), "key": CHANGED, "name": ""}

    page = browser.post("/triggers/add/", given).content.decode()
    answer = browser.post(
        "/triggers/add/",
        given | {"with-options": "1", "event_types": ["incident.escalated", "incident.task.created"]},
    )

    assert "Incident task created" in page
    assert answer.status_code == 302
    made = Trigger.objects.get(key=CHANGED)
    assert made.options == {"event_types": ["incident.escalated", "incident.task.created"]}
    shown = text(browser.get(answer["Location"]))
    assert "tick incident.escalated , incident.task.created . Other" in shown


def table() -> str:
    """The tables of docs/agencies.md, as the triggers in code say it."""
    parts = []
    for group, kinds in groupby(TRIGGERS.values(), lambda kind: kind.group):
        rows = [
            f"| `{kind.key}` | {kind.description.removeprefix('Triggers when ').split('.')[0]} |"
            for kind in kinds
        ]
        parts.append("\n".join([f"| {group} | Triggers when |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def test_the_documented_table_is_the_table_in_code() -> None:
    page = (Path(settings.BASE_DIR) / "docs" / "agencies.md").read_text(encoding="utf-8")

    assert table() in page
    assert all(f"`{row.scope}`" in page for row in EVENT_TRIGGERS if row.scope)
    for row in EVENT_TRIGGERS:
        assert (row.scope in row.description) if row.scope else row.description.count(".") == 1
