"""Dashboard and alerts ask for what is there."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import responses
import yaml

from connections.models import Connection
from tests.factories import add_note
from tests.taskjuice.endpoints.metrics.reading import ROOT, note, read
from workflows.queue import heartbeat

pytestmark = pytest.mark.django_db
DEPLOY = ROOT / "deploy"


def _expressions(found: Any) -> Iterator[str]:
    """Every `expr` inside."""
    if isinstance(found, dict):
        for name, inner in found.items():
            if name == "expr":
                yield inner
            else:
                yield from _expressions(inner)
    elif isinstance(found, list):
        for inner in found:
            yield from _expressions(inner)


ALERTS = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text())


def test_dashboard_and_alerts_ask_for_nothing_that_is_not_there(
    connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    heartbeat.beat("here")
    add_note(pagerduty)
    note(connection)
    there = read()
    names = {name for name, _ in there}
    labelled = {(name, *label) for name, labels in there for label in labels}
    grouped = {(name, label) for name, labels in there for label, _ in labels}

    expressions = [*_expressions(ALERTS), *_expressions(DASHBOARD)]
    assert len(expressions) > 30
    for expression in expressions:
        used = re.findall(r"(taskjuice_\w+)(?:\{(\w+)=\"(\w+)\"\})?", expression)
        assert used, expression
        for name, label, wanted in used:
            assert name in names, expression
            assert not label or (name, label, wanted) in labelled, expression
        for by in re.findall(r"by \(([\w, ]+)\)", expression):
            for label in set(by.split(", ")) - {"instance"}:
                assert any((name, label) in grouped for name, _, _ in used), expression
    shown = {
        name for expression in _expressions(DASHBOARD) for name in re.findall(r"taskjuice_\w+", expression)
    }
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    assert families == {name.removesuffix("_bucket") for name in shown}, "the dashboard shows every figure"


def test_each_alert_says_what_to_do() -> None:
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 10
    for rule in rules:
        assert rule["annotations"].keys() == {"summary", "description"}
        assert rule["labels"]["severity"] in {"page", "warn", "info"}
    read_about = (ROOT / "docs" / "operations.md").read_text()
    assert [rule["alert"] for rule in rules if rule["alert"] not in read_about] == []
