"""Workflows as files: out of one workspace and into another, and anything else that is sent as one."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from connections.models import Connection, Workspace
from core.errors import Problem
from tests.factories import DANA, SYSTEM, Ask, People, asking, connect, note_step, publish
from tests.support.browser import signed_in, text
from tests.support.html_forms import form_of
from workflows.authoring import import_export
from workflows.models import Trigger, Workflow
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
IMPORT = reverse("workflows:import")
STEP = {
    "key": "note",
    "connection": "main",
    "action": "pagerduty/create-incident-note",
    "input": {"from": DANA, "incident_id": "{{ trigger.incident.id }}", "content": "Look"},
}
FILE: dict[str, Any] = {
    "format": "taskjuice-workflow",
    "version": 1,
    "name": "Brought along",
    "trigger": {"key": "pagerduty/incident-triggered", "name": "New"},
    "connections": {"main": {"provider": "pagerduty", "label": "Theirs"}},
    "steps": [STEP],
}


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


def fields(content: Any) -> dict[str, list[str]]:
    """Where it is refused, and why."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(Problem) as raised:
        import_export.read(body)
    assert raised.value.status == 400
    return dict(raised.value.fields or {})


def place(trigger: Trigger, connection: Connection, content: Any = FILE) -> dict[str, Any]:
    return {
        "text": json.dumps(content),
        "placed": "1",
        "trigger": str(trigger.pk),
        "connection-0": str(connection.pk),
    }


def test_a_file_holds_nothing_of_the_workspace(bob: Client, trigger: Trigger, connection: Connection) -> None:
    workflow = publish(trigger, connection)
    answer = bob.get(reverse("workflows:export", args=[workflow.pk]))

    assert answer["Content-Disposition"] == 'attachment; filename="note.json"'
    for some_id in (workflow.pk, trigger.pk, connection.pk, workflow.workspace_id, trigger.token):
        assert str(some_id) not in answer.content.decode()
    assert import_export.read(answer.content)["connections"] == {
        "connection_1": {"provider": "pagerduty", "label": "Acme"}
    }


def test_out_of_one_workspace_and_into_another(
    bob: Client, who: People, trigger: Trigger, connection: Connection
) -> None:
    exported = bob.get(reverse("workflows:export", args=[publish(trigger, connection).pk])).content
    there = connect(who.other, "Rival’s")
    new = lifecycle.create(
        actor=SYSTEM, connection=there, key="pagerduty/incident-triggered", name="Over there"
    )
    charlie = signed_in(who.charlie)

    asked = charlie.post(IMPORT, {"file": SimpleUploadedFile("note.json", exported)})
    assert "Replace “Acme” with" in text(asked)
    assert "Over there – Other" in text(asked)
    answer = charlie.post(IMPORT, place(new, there, json.loads(exported)))

    made = Workflow.objects.get(workspace=who.other)
    assert answer["Location"] == reverse("workflows:edit", args=[made.pk])
    assert (made.status, made.live, made.trigger) == ("draft", None, new)
    assert [step["connection"] for step in made.draft["steps"]] == [str(there.pk)]


def test_what_only_people_can_fill_in_is_left_to_the_editor(
    bob: Client, trigger: Trigger, connection: Connection
) -> None:
    step = {**STEP, "input": {"content": "{{ trigger.incident.colour }}"}}
    bob.post(IMPORT, place(trigger, connection, {**FILE, "steps": [step]}))

    workflow = Workflow.objects.get()
    page = text(bob.get(reverse("workflows:edit", args=[workflow.pk])))
    assert "Fix these issues to publish" in page
    assert "From: This field is required." in page


def test_what_is_left_open_comes_in_whole_all_the_same(
    bob: Client, trigger: Trigger, connection: Connection
) -> None:
    open_step = {**STEP, "input": {}}
    bob.post(IMPORT, place(trigger, connection, {**FILE, "conditions": {}, "steps": [open_step]}))

    workflow = Workflow.objects.get()
    assert workflow.draft["conditions"] == {"match": "all", "rows": []}
    assert workflow.draft["steps"][0]["on_error"] == "stop"
    for name in ("edit", "rehearsal"):
        assert bob.get(reverse(f"workflows:{name}", args=[workflow.pk])).status_code == 200
    twice = bob.post(IMPORT, place(trigger, connection, {**FILE, "steps": [open_step, open_step]}))
    assert twice.status_code == 400
    assert "key of its own" in text(twice)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"format": "something"}, "format"),
        ({"version": 2}, "version"),
        ({"name": 7}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"trigger": {"key": "pagerduty/none"}}, "trigger.key"),
        ({"trigger": "pagerduty/incident-triggered"}, "trigger"),
        ({"connections": []}, "connections"),
        ({"connections": {"main": {"provider": "pagerduty", "id": "x"}}}, "connections.main.id"),
        ({"steps": [STEP] * 26}, "steps"),
        ({"steps": ["step"]}, "steps[0]"),
        ({"steps": [{**STEP, "connection": "other"}]}, "steps[0].connection"),
        ({"steps": [STEP, {**STEP, "connection": {}}]}, "steps[1].connection"),
        ({"extra": 1}, "extra"),
        ({"name": None}, "name"),
    ],
)
def test_each_place_at_fault_is_named(change: dict[str, Any], where: str) -> None:
    assert where in fields(FILE | change)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"conditions": {"match": "some", "rows": []}}, "conditions"),
        ({"conditions": {"match": "all", "rows": [["trigger.incident.id", "eats", "x"]]}}, "conditions"),
        ({"steps": [{**STEP, "action": "pagerduty/none"}]}, "steps[0].action"),
        ({"steps": [{**STEP, "key": "Not A Key"}]}, "steps[0].key"),
        ({"steps": [STEP, STEP]}, "steps"),
        ({"steps": [STEP, {**STEP, "key": "b", "input": {"colour": "x"}}]}, "steps[1].input.colour"),
        ({"steps": [{**STEP, "input": {"content": "{% for x in y %}"}}]}, "steps[0].input.content"),
        ({"steps": [{**STEP, "input": {"content": "{{ 1 }}" * 501}}]}, "steps[0].input.content"),
        ({"steps": [{**STEP, "live": True}]}, "steps[0].live"),
    ],
)
def test_each_place_of_a_definition_at_fault_is_named_and_nothing_is_made(
    bob: Client, trigger: Trigger, connection: Connection, change: dict[str, Any], where: str
) -> None:
    answer = bob.post(IMPORT, place(trigger, connection, FILE | change))

    assert answer.status_code == 400
    assert f"{where}:" in text(answer) or f"{where}." in text(answer)
    assert not Workflow.objects.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        json.dumps(FILE).replace("1,", "NaN,", 1).encode(),
        json.dumps(FILE).replace('"version"', '"name": "a", "version"').encode(),
        json.dumps(FILE | {"name": "\x00"}).encode(),
        json.dumps(FILE | {"name": "\ud800"}).encode(),
        json.dumps(FILE | {"conditions": 10**400}).encode(),
        json.dumps(FILE).replace('"Look"', "[" * 200 + "]" * 200).encode(),
        b" " * 1_000_000,
        b'"text"',
        b"null",
    ],
    ids=range(13),
)
def test_what_is_no_such_file_is_refused_on_its_page(bob: Client, content: bytes) -> None:
    answer = bob.post(IMPORT, {"file": SimpleUploadedFile("x.json", content)})

    assert answer.status_code == 400
    assert not Workflow.objects.exists()
    if content:
        assert fields(content)


def test_foreign_triggers_and_connections_are_none(
    bob: Client, who: People, trigger: Trigger, connection: Connection
) -> None:
    charlie = signed_in(who.charlie)
    assert charlie.post(IMPORT, place(trigger, connection)).status_code == 400
    ask = asking(Client(), who.other)
    body = {"workflow": FILE, "trigger": str(trigger.pk), "connections": {"main": str(connection.pk)}}
    assert ask("post", "workflows/import/", body).status_code == 404
    assert not Workflow.objects.exists()


def test_a_connection_of_another_workspace_of_the_agency_is_none(
    bob: Client, who: People, trigger: Trigger
) -> None:
    second = connect(Workspace.objects.create(account=who.agency, name="Second"), "Second")
    answer = bob.post(IMPORT, place(trigger, second))

    assert answer.status_code == 400
    assert "Choose a connection of the trigger’s workspace" in text(answer)


def test_a_file_sent_twice_makes_one_draft(bob: Client, trigger: Trigger, connection: Connection) -> None:
    asked = bob.post(reverse("workflows:import"), {"text": json.dumps(FILE)})
    form = place(trigger, connection) | {"_once": form_of(asked)["_once"]}
    first, second = (bob.post(reverse("workflows:import"), form) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Workflow.objects.count() == 1


def test_over_the_api(ask: Ask, trigger: Trigger, connection: Connection) -> None:
    workflow = publish(trigger, connection, steps=[note_step(connection)])
    exported = ask("get", f"workflows/{workflow.pk}/export/").json()
    body = {"workflow": exported, "trigger": str(trigger.pk)}

    unplaced = ask("post", "workflows/import/", body)
    made = ask("post", "workflows/import/", body | {"connections": {"connection_1": str(connection.pk)}})

    assert list(unplaced.json()["error"]["fields"]) == ["connections.connection_1"]
    assert made.status_code == 201
    assert made.json()["draft"] == workflow.draft
    assert made.json()["status"] == "draft"
