"""Everything that a documented delivery holds is a field: as an expression, in conditions, in the editor."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pagerduty_app.payloads.deliveries import trigger_fields
from pagerduty_app.triggers.samples import sample
from pagerduty_app.triggers.types import TRIGGERS
from tests.pagerduty_app.payloads.test_deliveries import documented
from workflows import expressions
from workflows.catalog import TriggerType
from workflows.conditions import evaluate
from workflows.expressions import unknown_fields
from workflows.expressions.unknown_fields import Route

CLIENT = {"name": "Monitoring", "url": "https://monitoring.example/checkout"}


def leaves(value: Any, route: Route = ()) -> Iterator[tuple[Route, Any]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = [leaf for name, one in parts for leaf in leaves(one, (*route, name))]
    yield from inner or [(route, value)]


def template(route: Route) -> str:
    inside = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in route)
    return f"{{{{ {inside.removeprefix('.')} }}}}"


def that_start_on(event_type: str) -> list[TriggerType]:
    """The triggers whose options allow that type."""

    def may_start(kind: TriggerType) -> bool:
        if not kind.event_types_option:
            return event_type in kind.listens_to({"triggered_again": True})
        assert kind.options is not None
        return kind.options(data={kind.event_types_option: [event_type]}).is_valid()

    return list(filter(may_start, TRIGGERS.values()))


@pytest.mark.parametrize("path", documented())
def test_every_leaf_of_a_documented_body_is_a_field(path: Path) -> None:
    body = json.loads(path.read_text())
    fields = {"trigger": trigger_fields(body)}
    seen = list(leaves(fields))

    # Nothing was left out but what the event type says as well; roles name their incident, which is a field of its own.
    delivered = Counter(json.dumps(value) for _, value in leaves(body["event"]))
    offered = Counter(json.dumps(value) for _, value in seen)
    if "incident_role_assignments" in body["event"]["data"]:
        assert delivered - offered == Counter(['"incident_role_assignment"'])
    else:
        assert delivered == offered
    for route, value in seen:
        there = [[unknown_fields.dotted(route), "exists", value is not None]]
        assert evaluate.hold({"rows": there}, fields), route
        if value is None:
            with pytest.raises(expressions.ExpressionError, match=r"\bis null\b"):
                expressions.render(template(route), fields)
        else:
            assert expressions.render(template(route), fields) == value


@pytest.mark.parametrize("path", documented())
def test_what_a_trigger_starts_on_is_known_with_its_type(path: Path) -> None:
    body = json.loads(path.read_text())
    fields = [*leaves({"trigger": trigger_fields(body)})]
    starting = that_start_on(body["event"]["event_type"])
    assert starting or path.stem == "pagey.ping"
    for kind, (route, value) in itertools.product(starting, fields):
        known = unknown_fields.visible_to_step(kind.key, {})
        assert unknown_fields.problem_with(route, known) is None
        for name in route:
            if known:  # the value of a custom field is of any type
                known = known["items"] if isinstance(name, int) else known["properties"][name]
        if not known:
            assert "value" in route
            continue
        kinds = known["type"] if isinstance(known["type"], list) else [known["type"]]
        there = {
            str: "string",
            bool: "boolean",
            int: "integer",
            type(None): "null",
            dict: "object",
            list: "array",
        }
        assert there[type(value)] in kinds, route


@pytest.mark.parametrize(
    "route",
    [
        "event.client.url",
        "event.client.name",
        "event.resource_type",
        "event.agent.type",
        "incident.reopened_at",
    ],
)
@pytest.mark.parametrize("kind", ["pagerduty/incident-triggered", "pagerduty/incident-resolved"])
def test_what_can_be_null_is_a_field_that_is_warned_of(kind: str, route: str) -> None:
    schema = unknown_fields.visible_to_step(kind, {})
    whole = ("trigger", *route.split("."))

    assert unknown_fields.problem_with(whole, schema) is None
    said = [words for _, words in unknown_fields.may_be_nothing(whole, schema)]
    assert bool(said) == (route != "event.resource_type")


def test_the_way_back_to_the_monitoring_tool_reaches_a_text() -> None:
    body = sample("incident.triggered", {"type": "incident", "id": "P1"})
    body["event"]["client"] = CLIENT

    fields = {"trigger": trigger_fields(body)}

    assert expressions.render("{{ trigger.event.client.url }}", fields) == CLIENT["url"]


def test_an_old_delivery_without_what_came_later_is_read_as_null() -> None:
    body = {
        "event": {"id": "1", "event_type": "incident.triggered", "data": {"type": "incident", "id": "P1"}}
    }

    event = trigger_fields(body)["event"]

    assert event == {
        "id": "1",
        "event_type": "incident.triggered",
        "resource_type": None,
        "occurred_at": None,
        "agent": None,
        "client": None,
    }
