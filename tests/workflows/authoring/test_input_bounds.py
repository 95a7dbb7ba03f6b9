"""What PagerDuty bounds: text that fields make too long is cut, keys are refused, what is typed is told when saved."""

import json
from typing import Any

import pytest
import responses
from rest_framework.serializers import ValidationError

from connections.models import Connection
from pagerduty_app.actions import ACTIONS
from pagerduty_app.triggers.recipes import RECIPES
from tests.factories import API, DANA, SYSTEM, add_note, incident_event, publish
from workflows import catalog, worker
from workflows.authoring import lifecycle
from workflows.models import Run, Trigger, Workflow
from workflows.runs import step_inputs

pytestmark = pytest.mark.django_db
LONG = "x" * 1_024
SEEN = {"trigger": {"incident": {"id": "PINC1", "title": LONG, "priority": {"id": "P" * 300}}}}
# Text for people; everything else is a key, an id, a choice or a search, and never changed.
CUT = {
    "pagerduty/create-incident": {"title", "details"},
    "pagerduty/update-incident": {"title", "resolution"},
    "pagerduty/create-incident-note": {"content"},
    "pagerduty/add-responders": {"message"},
    "pagerduty/publish-status-update": {"message", "subject"},
    "pagerduty/create-maintenance-window": {"description"},
}


def prepared(action: str, **templates: Any) -> step_inputs.Prepared:
    return step_inputs.prepare(f"pagerduty/{action}", {"from": DANA, **templates}, SEEN)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_which_inputs_are_cut(action: str) -> None:
    properties = catalog.input_schema(action)["properties"]

    assert {name for name, schema in properties.items() if schema.get("x-cut")} == CUT.get(action, set())
    for name in CUT.get(action, ()):
        assert properties[name]["maxLength"]


@pytest.mark.parametrize(
    "template", ["Follow-up: {{ trigger.incident.title }}", "{{ trigger.incident.title }}!"]
)
def test_a_title_that_fields_make_too_long_is_cut(template: str) -> None:
    made = prepared("create-incident", service_id="PSVC1", title=template)

    assert made.faults == {}
    title = made.checked["title"]
    assert (len(title), title[-2:]) == (1_024, "x…")


def test_one_that_just_fits_is_not() -> None:
    made = prepared("create-incident", service_id="PSVC1", title="{{ trigger.incident.title }}")

    assert made.checked["title"] == LONG


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("incident_key", "key-{{ trigger.incident.title }}"),
        ("service_id", "{{ trigger.incident.priority.id }}"),
        ("from", "{{ trigger.incident.title }}@acme.example"),
    ],
)
def test_a_key_or_an_id_is_refused_by_name(name: str, template: str) -> None:
    made = prepared("create-incident", **{"service_id": "PSVC1", "title": "x", name: template})

    assert list(made.faults) == [name]


def test_the_recipe_that_escalates_pages_for_the_longest_title(
    trigger: Trigger, connection: Connection, deliver: Any, pagerduty: responses.RequestsMock
) -> None:
    made = pagerduty.post(
        f"{API}/incidents",
        status=201,
        json={"incident": {"id": "PNEW", "status": "triggered", "html_url": "https://x"}},
    )
    add_note(pagerduty)
    steps = [dict(step) for step in RECIPES["pagerduty/escalate"].steps]
    for step in steps:
        more = {"service_id": "PSVC2"} if step["action"].endswith("create-incident") else {}
        step |= {"connection": str(connection.pk), "input": {**step["input"], "from": DANA, **more}}
    publish(trigger, connection, steps=steps)
    deliver(incident_event(title=LONG, number=7, html_url="https://acme.pagerduty.com/incidents/PINC1"))

    worker.drain()

    assert Run.objects.get().status == "completed", Run.objects.get().error
    title = json.loads(made.calls[0].request.body)["incident"]["title"]
    assert (title[:12], len(title), title[-1]) == ("Follow-up: x", 1_024, "…")


# --- what a person types -------------------------------------------------------------------------------
@pytest.fixture
def workflow(trigger: Trigger, connection: Connection) -> Workflow:
    return publish(trigger, connection)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("title", "x" * 1_025, "At most 1,024 characters; this has 1,025."),
        (
            "title",
            "x" * 1_030 + "{{ trigger.incident.id }}",
            "At most 1,024 characters; what stands around its fields has 1,030.",
        ),
        ("details", "x" * 60_001, "At most 60,000 characters; this has 60,001."),
        ("incident_key", "k" * 256, "At most 255 characters; this has 256."),
        ("assignee_ids", ["P1"] * 101, "At most 100 entries; these are 101."),
        ("assignee_ids", ["P1", "P" * 65], "At most 64 characters; this has 65."),
    ],
    ids=["title", "around a field", "details", "key", "entries", "entry"],
)
def test_what_is_typed_too_long_is_told_when_it_is_saved(
    workflow: Workflow, connection: Connection, name: str, value: Any, said: str
) -> None:
    step = {
        "key": "create",
        "connection": str(connection.pk),
        "action": "pagerduty/create-incident",
        "input": {"from": DANA, "service_id": "PSVC1", "title": "x", name: value},
    }

    with pytest.raises(ValidationError) as refused:
        lifecycle.change(actor=SYSTEM, workflow=workflow, name="x", definition={"steps": [step]})

    assert str(refused.value.detail["steps"][0]["input"][name][0]) == said  # type: ignore[index,call-overload]


def test_a_number_beyond_its_bound_is_told_when_it_is_saved(
    workflow: Workflow, connection: Connection
) -> None:
    def step(limit: Any) -> dict[str, Any]:
        return {
            "key": "a",
            "connection": str(connection.pk),
            "action": "pagerduty/list-users",
            "input": {"limit": limit},
        }

    with pytest.raises(ValidationError) as refused:
        lifecycle.change(actor=SYSTEM, workflow=workflow, name="x", definition={"steps": [step(101)]})

    assert "100" in str(refused.value.detail)
    lifecycle.change(
        actor=SYSTEM, workflow=workflow, name="x", definition={"steps": [step("{{ trigger.event.id }}")]}
    )


EMPTY = {
    "trigger": {
        "incident": {"id": "PINC1", "title": "x", "teams": [], "group": "", "space": " \n", "map": {}}
    }
}
GAPS = [
    "teams | map: 'id' | join: '-'",
    "teams | join",
    "teams",
    "map",
    "group",
    "space",
    "title | replace: 'x', ''",
    "title | slice: 0, 0",
    "teams | where: 'summary', 'Platform' | map: 'id' | join",
]


@pytest.mark.parametrize("expression", GAPS)
@pytest.mark.parametrize("around", ["team-%s", "%s-x", "%s%s", "{{ trigger.incident.id }}%s", "a %s b"])
def test_an_identity_loses_no_part_silently(expression: str, around: str) -> None:
    template = around.replace("%s", f"{{{{ trigger.incident.{expression} }}}}")
    given = {"from": DANA, "service_id": "PSVC1", "title": f"About {template}", "incident_key": template}

    made = step_inputs.prepare("pagerduty/create-incident", given, EMPTY)

    assert list(made.faults) == ["incident_key"]  # a title for people may have a hole
    assert f"trigger.incident.{expression}" in made.faults["incident_key"][0]
    assert "is empty, so a part of this would be missing" in made.faults["incident_key"][0]


@pytest.mark.parametrize("expression", GAPS)
def test_an_identity_takes_what_its_author_wrote_instead(expression: str) -> None:
    template = f"team-{{{{ trigger.incident.{expression} | strip | default: 'none' }}}}"
    if expression in ("teams", "map"):
        template = template.replace("| strip ", "")
    given = {"from": DANA, "service_id": "PSVC1", "title": "x", "incident_key": template}

    made = step_inputs.prepare("pagerduty/create-incident", given, EMPTY)

    assert (made.faults, made.given["incident_key"]) == ({}, "team-none")


@pytest.mark.parametrize(
    ("action", "name"),
    [("update-incident", "incident_id"), ("create-incident", "from"), ("list-services", "query")],
)
def test_no_input_but_text_for_people_has_a_hole(action: str, name: str) -> None:
    if name not in catalog.input_schema(f"pagerduty/{action}")["properties"]:
        pytest.fail(f"{action} has no {name} any more")
    templates = {name: "P{{ trigger.incident.group }}"}

    made = step_inputs.prepare(f"pagerduty/{action}", templates, EMPTY)

    assert "is empty" in made.faults[name][0]


def test_nor_an_item_of_a_list() -> None:
    made = step_inputs.prepare(
        "pagerduty/list-incidents", {"service_ids": ["P{{ trigger.incident.group }}"]}, EMPTY
    )

    assert "is empty" in made.faults["service_ids"][0]


def test_a_fault_that_quotes_the_value_is_short() -> None:
    made = prepared(
        "create-incident", service_id="PSVC1", title="x", urgency="{{ trigger.incident.title }}" * 20
    )

    (said,) = made.faults["urgency"]
    assert len(said) == 500
    assert said.startswith('"xxx')
    assert said.endswith('x" is not a valid choice.')
