"""Names of fields: every documented one has its own, the same where fields are offered and where they are shown."""

from collections import Counter
from collections.abc import Iterator

import pytest
from django.test import Client

from connections.models import Workspace
from tests.factories import People
from tests.workflows.pages.editor.drafting import address
from workflows import catalog
from workflows.authoring import descriptions
from workflows.catalog import ActionType, Json, TriggerType
from workflows.expressions import unknown_fields
from workflows.formatting import field_names
from workflows.inbox import redaction
from workflows.models import Workflow

TRIGGERS = [kind for one in catalog.integrations() for kind in one.triggers.values()]
ACTIONS = [kind for one in catalog.integrations() for kind in one.actions.values()]


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


def leaves(schema: Json, path: str = "") -> Iterator[str]:
    """Yield the paths of the single values; each list once by its first item and once by any."""
    if inner := schema.get("properties"):
        for name, one in inner.items():
            yield from leaves(one, f"{path}.{name}")
    elif "items" in schema:
        for place in ("0", "*"):
            yield from leaves(schema["items"], f"{path}.{place}")
    else:
        yield path.removeprefix(".")


@pytest.mark.parametrize("kind", TRIGGERS, ids=lambda kind: kind.key)
def test_every_documented_field_of_a_trigger_has_a_name(kind: TriggerType) -> None:
    documented = set(leaves(unknown_fields.of_trigger(kind.key)))

    assert documented - set(kind.field_names) == set()


@pytest.mark.parametrize("kind", ACTIONS, ids=lambda kind: kind.key)
def test_every_documented_field_of_an_output_has_a_name(kind: ActionType) -> None:
    assert set(leaves(kind.output_schema)) - set(kind.field_names) == set()


@pytest.mark.parametrize("kind", [*TRIGGERS, *ACTIONS], ids=lambda kind: kind.key)
def test_no_two_fields_have_one_name(kind: TriggerType | ActionType) -> None:
    assert [name for name, count in Counter(kind.field_names.values()).items() if count > 1] == []


@pytest.mark.parametrize("kind", TRIGGERS, ids=lambda kind: kind.key)
def test_what_redaction_offers_has_the_same_names(kind: TriggerType) -> None:
    names = field_names.as_delivered(kind.key, {})

    assert set(redaction.fields_of(kind.sample)) <= set(names)
    assert set(names.values()) <= set(kind.field_names.values())
    assert names["event.occurred_at"] == "Event time"


def test_a_field_that_nobody_documents_is_named_by_its_path() -> None:
    names = field_names.of_trigger("pagerduty/incident-triggered")

    assert field_names.name_of("trigger.incident.assignees.0.summary", names) == "First assignee"
    assert field_names.name_of("trigger.incident.custom_fields.0.value", names) == (
        "Incident custom fields first value"
    )
    assert field_names.of_trigger("nobody/knows") == field_names.as_delivered("nobody/knows", {}) == {}


def test_an_earlier_step_has_the_names_of_its_action() -> None:
    steps = [
        {"key": "follow", "action": "pagerduty/create-incident"},
        {"key": "gone", "action": "nobody/knows"},
    ]
    rows = [["steps.follow.incident.service.summary", "equals", "Payments"]]

    said = descriptions.rows({"rows": rows}, field_names.of_steps(steps))

    assert said == ["Service name is Payments"]


def test_the_editor_offers_and_reads_them(bob: Client, note_workflow: Workflow) -> None:
    rows = [["trigger.incident.service.summary", "equals", "Payments"]]
    note_workflow.draft["conditions"] = {"match": "all", "rows": rows}
    note_workflow.save()

    offered = bob.get(address(note_workflow, "conditions")).content.decode()
    read = bob.get(address(note_workflow, "edit")).content.decode()

    for name in ("Service name", "Incident URL", "First assignee", "Any assignee", "Actor name"):
        assert f">{name}" in offered.replace("\n", "")
    assert "Service name is Payments" in read
