"""Fields that cannot exist are found before publishing, and named with a suggestion when a run misses one."""

from typing import Any

import pytest
import responses

from connections.models import Connection
from tests.factories import Ask, add_note, incident_event, note_step, publish
from tests.support.present import present
from workflows import expressions, worker
from workflows.models import Run, Trigger

pytestmark = pytest.mark.django_db


def create_step(connection: Connection, **changes: Any) -> dict[str, Any]:
    return {
        "key": "create",
        "connection": str(connection.pk),
        "action": "pagerduty/create-incident",
        "input": {"from": "dana@acme.example", "service_id": "PSVC1", "title": "Follow-up"},
    } | changes


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("trigger.incident.titel", "There is no field trigger.incident.titel. Did you mean title?"),
        ("trigger.incdent.title", "There is no field trigger.incdent. Did you mean incident?"),
        ("trigger.event.agent.sumary", "There is no field trigger.event.agent.sumary. Did you mean summary?"),
        ("trigger.incident.title.x", "trigger.incident.title is a text and has no fields."),
        ("trigger.incident.teams.name", "There is no field trigger.incident.teams.name."),
        ("steps.creat.incident.id", "There is no earlier step creat. Did you mean create?"),
        ("steps.note.note.id", "There is no earlier step note."),
        ("steps.later.incident.id", "There is no earlier step later."),
        ("steps.create.incdent.id", "There is no field steps.create.incdent. Did you mean incident?"),
        ("steps.create.note.id", "There is no field steps.create.note."),
        ("incident.title", "A field begins with trigger or steps, not with incident."),
        (
            "trigers.incident.title",
            "A field begins with trigger or steps, not with trigers. Did you mean trigger?",
        ),
    ],
)
def test_a_field_that_cannot_be_there_is_400_and_names_step_and_input(
    ask: Ask, trigger: Trigger, connection: Connection, field: str, said: str
) -> None:
    note = note_step(connection)
    note["input"]["content"] = f"See {{{{ {field} }}}}"
    steps = [create_step(connection), note, create_step(connection, key="later")]

    answer = ask("post", "workflows/", {"name": "x", "trigger": str(trigger.pk), "steps": steps})

    assert answer.status_code == 400
    assert answer.json()["error"]["fields"] == {"steps": {"1": {"input": {"content": [said]}}}}


@pytest.mark.parametrize(
    "field",
    [
        "trigger.incident.nonsense",
        "trigger.incident.teams[0].summary",
        "trigger.incident.teams.first.summary",
        "trigger.incident.assignees.size",
        "trigger.incident['title']",
        "trigger.incident.conference_bridge.conference_url",
        "steps.create.incident.something_new",
        "steps.create.incident.assignments[0].assignee.id",
        "trigger.incident[trigger.event.id]",
    ],
)
def test_what_a_provider_may_send_is_not_refused(
    ask: Ask, trigger: Trigger, connection: Connection, field: str
) -> None:
    note = note_step(connection)
    note["input"]["content"] = f"{{{{ {field} | default: 'none' }}}}"
    body = {"name": "x", "trigger": str(trigger.pk), "steps": [create_step(connection), note]}

    assert ask("post", "workflows/", body).status_code == 201


def test_only_if_can_look_at_earlier_steps_alone(ask: Ask, trigger: Trigger, connection: Connection) -> None:
    only_if = {"match": "any", "rows": [["steps.note.note.id", "exists", True]]}
    steps = [create_step(connection, only_if=only_if), note_step(connection)]

    answer = ask("post", "workflows/", {"name": "x", "trigger": str(trigger.pk), "steps": steps})

    assert answer.json()["error"]["fields"]["steps"] == {
        "0": {"only_if": ["Row 1: There is no earlier step note."]}
    }


def test_a_field_that_a_run_misses_is_named_with_a_suggestion(
    deliver: Any, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    note = note_step(connection)
    note["input"]["content"] = "{{ trigger.incident.colour }}"
    publish(trigger, connection, steps=[note])
    deliver(incident_event(color="red"))

    worker.drain()

    assert present(Run.objects.get().error)["message"] == (
        "Step “note”, content: There is no field trigger.incident.colour. Did you mean color?"
    )


def test_the_missing_field_is_named_and_not_one_that_has_a_default() -> None:
    fields = {"trigger": {"incident": {"title": "x"}}, "steps": {"create": {"incident": {"title": 1}}}}

    with pytest.raises(expressions.ExpressionError, match=r"create\.incident\.titel\. Did you mean title\?"):
        expressions.render(
            "{{ trigger.incident.note | default: 1 }} {{ steps.create.incident.titel }}", fields
        )


def test_the_fields_of_a_template() -> None:
    template = "{{ a.b[0]['c d'] | default: d.e }} and {{ f[g.h].i }} and {{ 'text' | size }}"

    assert expressions.paths(template) == {"a.b.0.c d", "d.e", "f", "g.h"}
    assert expressions.paths("no field") == set()
