"""Copies lose nothing: every field of a workflow after a duplicate, an export with its import, and a roll back."""

import json
from typing import Any

import pytest

from connections.models import Connection
from core.errors import Problem
from tests.factories import SYSTEM, note_step, publish
from workflows.authoring import import_export, lifecycle, validation, versions
from workflows.models import Trigger, Workflow, WorkflowVersion

pytestmark = pytest.mark.django_db
# What a copy takes over, and what is each workflow's own. A field in neither fails the test below: decide.
COPIED = {"workspace", "trigger", "draft", "max_runs_per_minute"}
OWN = {"id", "name", "status", "pause_reason", "counted_from", "live", "created_at", "form_key"}
# What changes when a workflow goes back to an earlier version; everything else stays.
ROLLED_BACK = {"draft", "live", "status", "pause_reason", "counted_from"}


def fields(workflow: Workflow) -> dict[str, Any]:
    workflow = Workflow.objects.get(pk=workflow.pk)
    return {field.name: getattr(workflow, field.attname) for field in Workflow._meta.concrete_fields}


@pytest.fixture
def rich(trigger: Trigger, connection: Connection) -> Workflow:
    """With something in every field that a definition can have."""
    some = {"match": "any", "rows": [["trigger.incident.urgency", "equals", "high"]]}
    step = note_step(connection, name="Tell them", on_error="retry", only_if=some)
    workflow = publish(trigger, connection, steps=[note_step(connection, key="first"), step], conditions=some)
    lifecycle.set_pace(actor=SYSTEM, workflow=workflow, max_runs_per_minute=7)
    assert set(workflow.draft) == set(validation.DefinitionInput().fields)
    assert set(workflow.draft["steps"][1]) == set(validation.StepInput().fields)
    return workflow


def test_each_field_is_known_to_be_copied_or_not() -> None:
    assert {field.name for field in Workflow._meta.concrete_fields} == COPIED | OWN
    assert {field.name for field in WorkflowVersion._meta.concrete_fields} == {
        *("id", "workflow", "number", "definition", "published_at", "published_by")
    }


def test_a_duplicate_has_every_field(rich: Workflow) -> None:
    copy = fields(versions.duplicate(actor=SYSTEM, workflow=rich))

    assert {name: copy[name] for name in COPIED} == {name: fields(rich)[name] for name in COPIED}
    assert (copy["name"], copy["status"], copy["live"]) == ("Note (copy)", "draft", None)


def test_an_export_brought_in_again_has_every_field(rich: Workflow, connection: Connection) -> None:
    file = json.dumps(import_export.of_workflow(rich))
    found = import_export.read(file)
    assert set(found) == set(import_export.PortableWorkflow().fields)

    copy = fields(
        import_export.bring_in(
            actor=SYSTEM,
            found=found,
            trigger=rich.trigger,
            connections=dict.fromkeys(found["connections"], connection),
        )
    )

    assert {name: copy[name] for name in COPIED} == {name: fields(rich)[name] for name in COPIED}
    assert (copy["name"], copy["status"]) == ("Note", "draft")


def test_an_older_file_without_a_limit_gets_the_usual_one(rich: Workflow, connection: Connection) -> None:
    old = {
        name: said for name, said in import_export.of_workflow(rich).items() if name != "max_runs_per_minute"
    }

    copy = import_export.bring_in(
        actor=SYSTEM,
        found=import_export.read(json.dumps(old)),
        trigger=rich.trigger,
        connections=dict.fromkeys(old["connections"], connection),
    )

    assert copy.max_runs_per_minute == 300


@pytest.mark.parametrize("limit", [0, 601, "many", None, 1.5])
def test_a_file_with_a_limit_that_cannot_be_is_refused_by_name(rich: Workflow, limit: Any) -> None:
    file = {**import_export.of_workflow(rich), "max_runs_per_minute": limit}

    with pytest.raises(Problem) as refused:
        import_export.read(json.dumps(file))
    assert list(refused.value.fields or {}) == ["max_runs_per_minute"]


def test_going_back_changes_what_the_version_says_and_nothing_else(
    rich: Workflow, connection: Connection
) -> None:
    first = rich.versions.get()
    lifecycle.change(
        actor=SYSTEM, workflow=rich, name="Renamed", definition={"steps": [note_step(connection)]}
    )
    lifecycle.publish(actor=SYSTEM, workflow=rich)
    before = fields(rich)

    versions.roll_back(actor=SYSTEM, workflow=rich, version=first)

    after = fields(rich)
    kept = set(after) - ROLLED_BACK
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert after["draft"] == first.definition == Workflow.objects.get(pk=rich.pk).live.definition  # type: ignore[union-attr]
