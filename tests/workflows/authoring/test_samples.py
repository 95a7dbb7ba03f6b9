"""Samples: what can be inserted by clicking before an action has run."""

import uuid

import pytest

from workflows.authoring import samples
from workflows.formatting import field_names

pytestmark = pytest.mark.django_db


def offered(action: str) -> dict[str, str]:
    """Path → name of the fields of that action's output, on a connection that has not used it."""
    step = {"key": "read", "action": f"pagerduty/{action}", "connection": str(uuid.uuid4())}
    output, names = samples.outputs([step])["read"], field_names.of_steps([step])
    return {field.path: field.name for field in samples.fields_in(output, "steps.read", names)}


def test_deep_fields_of_an_output_can_be_inserted() -> None:
    found = offered("get-service")

    first = "steps.read.service.escalation_policy.escalation_rules.0.targets.0.summary"
    assert found[first] == "First target of first level name"


def test_what_a_monitoring_tool_sends_can_be_inserted_as_a_whole() -> None:
    assert offered("list-incident-alerts")["steps.read.alerts.0.body.details"] == "First alert details"
