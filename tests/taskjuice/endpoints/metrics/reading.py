"""The figures that /metrics shows, as a test reads them."""

from pathlib import Path

from django.conf import settings as project_settings
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from connections.models import Connection
from tests.factories import DANA, SYSTEM
from workflows.calls import pipeline

ROOT = Path(project_settings.BASE_DIR)
TOKEN = "a-token-of-the-operators"
NOTE = {"from": DANA, "incident_id": "PINC1", "content": "Look"}
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read() -> Figures:
    """Every sample by name and labels."""
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    families = list(text_string_to_metric_families(answer.content.decode()))
    assert len({family.name for family in families}) == len(families)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(figures: Figures, name: str, **labels: str) -> float:
    return figures.get((f"taskjuice_{name}", frozenset(labels.items())), 0.0)


def risen(before: Figures, name: str, **labels: str) -> float:
    return value(read(), name, **labels) - value(before, name, **labels)


def note(connection: Connection) -> None:
    """Write a note with it, as a client of the API does."""
    key = "pagerduty/create-incident-note"
    pipeline.call_action(actor=SYSTEM, connection=connection, action_key=key, data=NOTE, origin="api")
