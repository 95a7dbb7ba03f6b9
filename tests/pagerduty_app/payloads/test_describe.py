"""A delivery in words: PagerDuty's own bodies, and any other signed one."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pagerduty_app.payloads.deliveries import trigger_fields
from pagerduty_app.payloads.describe import in_words
from pagerduty_app.signatures import looks_signed
from pagerduty_app.triggers.types import TRIGGERS
from workflows.catalog import Words

EVENTS = os.environ.get("PAGERDUTY_EVENTS")


@pytest.mark.parametrize("status", ["triggered", "acknowledged", "resolved"])
def test_a_sample_says_which_incident_where_how_urgent_and_by_whom(status: str) -> None:
    words = in_words(TRIGGERS[f"pagerduty/incident-{status}"].sample)

    assert words.subject == "Checkout answers slowly"
    assert dict(words.facts) | {"Status": ""} == {
        "Incident": "#42",
        "Service": "Payments",
        "Urgency": "high",
        "Priority": "P1",
        "Status": "",
        "Assigned to": "Dana Rivera",
        "Actor": "Dana Rivera",
    }
    assert words.happened_at == datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    assert words.url == "https://acme.pagerduty.com/incidents/PSAMPLE1"


def test_the_sample_of_a_hand_over_says_who_is_on_call_where_and_until_when() -> None:
    words = in_words(TRIGGERS["pagerduty/on-call-changed"].sample)

    assert words.subject == "Payments on call: Eli Novak"
    assert dict(words.facts) == {
        "Schedule": "Payments on call",
        "On call before": "Dana Rivera",
        "On call now": "Eli Novak",
        "Until": "9 Nov 2026, 08:00 UTC",
    }
    assert words.happened_at == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert words.url == "https://acme.pagerduty.com/schedules/PSCHED1"


def test_the_sample_of_a_note_says_what_it_says_and_whose() -> None:
    words = in_words(TRIGGERS["pagerduty/incident-note-added"].sample)

    assert words.subject == "Checkout answers slowly"
    assert dict(words.facts) == {"Note": "The queue is full; looking into it", "Actor": "Dana Rivera"}
    assert words.url == "https://acme.pagerduty.com/incidents/PSAMPLE1"


def test_a_note_is_called_like_its_incident() -> None:
    incident = {
        "id": "PINC1",
        "summary": "Disk is full",
        "html_url": "https://acme.pagerduty.com/incidents/PINC1",
    }
    words = in_words(
        {"event": {"data": {"type": "incident_note", "content": "Looking", "incident": incident}}}
    )

    assert (words.subject, words.url) == ("Disk is full", incident["html_url"])


def test_a_ping_says_so() -> None:
    ping = {"event": {"event_type": "pagey.ping", "data": {"message": "Hello from your friend Pagey!"}}}

    assert in_words(ping).subject == "PagerDuty’s test message"


@pytest.mark.parametrize(
    "payload",
    [
        None,
        7,
        [],
        {},
        {"event": []},
        {"event": {"data": 3, "agent": "x", "occurred_at": 9}},
        {
            "event": {
                "data": {"title": 3, "service": "x", "assignees": [3, None], "number": True, "html_url": {}}
            }
        },
        {"event": {"occurred_at": "2026-13-45T99:00:00Z"}},
        {"event": {"occurred_at": "2026-11-02T09:30:00"}},
        {"event": {"occurred_at": "0001-01-01T00:00:00+14:00"}},
        {"event": {"data": {"html_url": "javascript:alert(1)"}}},
    ],
)
def test_what_says_nothing_is_nothing(payload: Any) -> None:
    assert in_words(payload) == Words()


@pytest.mark.parametrize("kind", ["service", "incident_note", "incident", "", None])
@pytest.mark.parametrize("event_type", ["incident.not_acknowledged", "incident.triggered"])
def test_a_part_that_looks_like_a_deadline_breaks_no_page(kind: str | None, event_type: str) -> None:
    deadline = dict.fromkeys(("minutes", "since", "due_at", "checked_at"), "x")
    data = {"type": kind, "id": "P1", "deadline": deadline}
    payload = {"event": {"id": "odd", "event_type": event_type, "data": data}}

    assert isinstance(in_words(payload), Words)
    assert ("deadline" in trigger_fields(payload)) is (kind == "incident")


def test_text_from_outside_is_one_printable_line_of_bounded_length() -> None:
    title = "two\nlines\u202e\ud800 " + "x" * 1_000

    subject = in_words({"event": {"data": {"title": title}}}).subject

    assert subject.isprintable()
    assert subject.startswith("two lines")
    assert len(subject) <= 300


@pytest.mark.parametrize(
    ("key", "facts"),
    [
        ("incident-responder-added", {"Responder": "Eli Novak", "State": "pending"}),
        ("incident-status-update-published", {"Message": "Payments are slow; a fix is under way"}),
        ("incident-custom-fields-updated", {"Changed fields": "impact: all customers"}),
        ("incident-conference-bridge-updated", {"Conference": "+1 555 0100, https://meet.acme.example/42"}),
        ("incident-role-assigned", {"Roles": "Incident commander: Eli Novak"}),
        ("incident-task-created", {"Task": "Call the payment provider", "Status": "todo"}),
        ("incident-action-invoked", {"Action": "Restart the payment workers", "State": "created"}),
        ("incident-workflow-started", {"Incident workflow": "Major incident", "Service": "Payments"}),
    ],
)
def test_the_sample_of_a_part_of_an_incident_says_which_and_what(key: str, facts: dict[str, str]) -> None:
    words = in_words(TRIGGERS[f"pagerduty/{key}"].sample)

    assert words.subject == "Checkout answers slowly"
    assert dict(words.facts).items() >= (facts | {"Actor": "Dana Rivera"}).items()
    assert words.url == "https://acme.pagerduty.com/incidents/PSAMPLE1"


@pytest.mark.parametrize("key", ["service-created", "service-custom-fields-updated"])
def test_the_sample_of_a_service_says_which(key: str) -> None:
    words = in_words(TRIGGERS[f"pagerduty/{key}"].sample)

    assert (words.subject, dict(words.facts)["Service"]) == ("Payments", "Payments")
    assert words.url == "https://acme.pagerduty.com/services/PSVC001"


def test_odd_parts_are_nothing() -> None:
    data = {
        "type": "incident_field_values",
        "incident_role_assignments": [3, {"role": []}],
        "conference_numbers": {"number": 1},
        "custom_fields": [7, {"id": [], "value": {}}, {"id": "F1", "name": "a", "value": [1, None, ["x"]]}],
        "changed_custom_fields": [{"id": "F1"}, {"id": {}}],
        "user": "x",
        "action": [],
    }

    assert dict(in_words({"event": {"data": data}}).facts) == {
        "Roles": ": no one",
        "Changed fields": "a: 1, null, …",
    }


@pytest.mark.skipif(
    EVENTS is None, reason="set PAGERDUTY_EVENTS to a folder with one webhook body per event type"
)
def test_every_event_has_a_subject() -> None:
    for file in sorted(Path(EVENTS or "").glob("*.json")):
        words = in_words(json.loads(file.read_text()))

        assert words.subject, file.name
        assert words.happened_at or file.name == "pagey.ping.json", file.name


@pytest.mark.parametrize(
    ("header", "so"), [("v1=0", True), (" v2=0 , v1=0 ", True), ("v1=", False), (None, False)]
)
def test_a_header_looks_signed_when_it_has_any_signature_of_that_version(
    header: str | None, so: bool
) -> None:
    assert looks_signed(header) is so
