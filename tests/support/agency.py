"""What the tests of trying actions and looking at calls share: people, a connection, PagerDuty, and a browser."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connections.models import Connection
from pagerduty_app.actions import ACTIONS
from tests.factories import DANA, People, connect

INCIDENT = {
    "id": "PINC1",
    "incident_number": 7,
    "title": "Checkout is slow",
    "status": "triggered",
    "urgency": "high",
    "created_at": "2026-11-01T23:30:00Z",
    "html_url": "https://acme.pagerduty.com/incidents/PINC1",
    "service": {"id": "PSVC1", "summary": "Payments", "type": "service_reference"},
    "assignments": [],
}
SHIFT = {
    "start": "2026-01-05T08:00:00Z",
    "end": "2100-01-05T08:00:00Z",
    "user": {"id": "PUSER", "summary": "Dana"},
}
SCHEDULE = {
    "id": "PSCHED1",
    "summary": "Primary",
    "final_schedule": {"name": "Final Schedule", "rendered_schedule_entries": [SHIFT]},
}
NOTE = {"from": DANA, "incident_id": "PINC1", "content": "Look at the queue"}
SENT: dict[str, dict[str, Any]] = {
    "create-incident": {"from": DANA, "service_id": "PSVC1", "title": "Checkout is slow", "urgency": "low"},
    "get-incident": {"incident_id": "PINC1", "include": ["custom_fields", "alerts"]},
    "update-incident": {"from": DANA, "incident_id": "PINC1", "status": "acknowledged"},
    "create-incident-note": NOTE,
    "snooze-incident": {"from": DANA, "incident_id": "PINC1", "duration_minutes": 30},
    "merge-incidents": {"from": DANA, "incident_id": "PINC1", "source_incident_ids": ["PINC2"]},
    "add-responders": {"from": DANA, "incident_id": "PINC1", "message": "Help", "user_ids": ["PUSER"]},
    "publish-status-update": {"from": DANA, "incident_id": "PINC1", "message": "A fix is on its way"},
    "set-custom-fields": {
        "from": DANA,
        "incident_id": "PINC1",
        "custom_fields": {"environment": "production"},
    },
    "start-incident-workflow": {
        "from": DANA,
        "incident_id": "PINC1",
        "incident_workflow_id": "PFLOW01",
    },
    "create-override": {
        "from": DANA,
        "schedule_id": "PSCHED1",
        "user_id": "PUSER2",
        "duration_minutes": 60,
    },
    "create-maintenance-window": {"from": DANA, "service_ids": ["PSVC1"], "duration_minutes": 30},
    "list-incidents": {"statuses": ["triggered", "resolved"], "service_ids": ["PSVC1"], "all": True},
    "list-incident-alerts": {"incident_id": "PINC1", "statuses": ["triggered"], "all": True},
    "list-incident-notes": {"incident_id": "PINC1"},
    "list-incident-log-entries": {"incident_id": "PINC1", "is_overview": True, "include": ["channels"]},
    "list-past-incidents": {"incident_id": "PINC1", "limit": 3},
    "list-services": {"query": "pay", "limit": 10},
    "get-service": {"service_id": "PSVC1"},
    "list-schedules": {"query": "primary"},
    "list-on-call": {"schedule_id": "PSCHED1"},
    "get-on-call": {"schedule_id": "PSCHED1"},
    "find-on-call-gaps": {"schedule_id": "PSCHED1", "days": 14},
    "list-users": {},
    "list-teams": {"all": True},
}


@pytest.fixture
def connection(who: People) -> Connection:
    """A connection with the permissions of all actions, and of no list beside them."""
    return connect(
        who.acme, scopes=sorted({one for action in ACTIONS.values() for one in action.scope.split()})
    )


def form_path(connection: Connection, action: str) -> str:
    return reverse("actions:try", args=[connection.pk, "pagerduty", action])


def list_path(connection: Connection) -> str:
    return reverse("actions:list", args=[connection.pk])


def typed(data: dict[str, Any]) -> dict[str, Any]:
    """As a browser sends it."""
    return {name: "on" if value is True else lines(value) for name, value in data.items()}


def lines(value: Any) -> Any:
    """An object as a line for each of its names; anything else as it is."""
    return "\n".join(f"{name}: {one}" for name, one in value.items()) if isinstance(value, dict) else value


def look(browser: Client, path: str) -> str:
    """The form, behind the redirect that gives it its key."""
    answer = browser.get(path, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def once_of(page: str) -> str:
    found = re.search(r'name="_once" value="([0-9a-f]{32})"', page)
    assert found
    return found[1]


def send(
    browser: Client, connection: Connection, action: str, data: dict[str, Any], once: str = "a" * 32
) -> Any:
    return browser.post(form_path(connection, action), {**typed(data), "_once": once})
