"""One call creates one maintenance window of what was given; what is at fault is said in words."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from jsonschema import Draft7Validator

from core.errors import Problem
from pagerduty_app.actions import ACTIONS
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import people
from tests.pagerduty_app.actions.maintenance_windows.conftest import HOUR, KEY, in_hours, windows, writes
from tests.support.browser import signed_in
from tests.support.consent import consented
from tests.support.sandbox_actions import output
from workflows.models import ActionCall

pytestmark = pytest.mark.django_db


def test_a_window_has_what_was_given(act: Any, sandbox: Sandbox, given: Any) -> None:
    made = output(act(KEY, given))["maintenance_window"]

    (window,) = windows(sandbox)
    assert made["id"] == window["id"]
    assert [row["id"] for row in window["services"]] == given["service_ids"]
    assert (window["description"], window["created_by"]["id"]) == ("Upgrade", "PUSER00")
    start, end = (datetime.fromisoformat(window[name]) for name in ("start_time", "end_time"))
    wanted = datetime.fromisoformat(given.get("start", in_hours(0)))
    assert abs(start - max(wanted, timezone.now())) < timedelta(seconds=30)
    ends = datetime.fromisoformat(given["end"]) if "end" in given else wanted + timedelta(hours=1)
    assert abs(end - ends) < timedelta(seconds=30)


# --- refused -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"from": None}, "from"),
        ({"from": "dana"}, "from"),
        ({"service_ids": []}, "service_ids"),
        ({"service_ids": ["a b"]}, "service_ids"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"duration_minutes": 525_601}, "duration_minutes"),
        ({"duration_minutes": None}, "duration_minutes"),
        ({"end": "2031-01-01T00:00:00Z"}, "end"),
        ({"duration_minutes": None, "end": "soon"}, "end"),
        ({"duration_minutes": None, "start": "2031-01-02T00:00Z", "end": "2031-01-01T00:00Z"}, "end"),
        ({"start": "1999-01-01T00:00:00Z"}, "start"),
    ],
)
def test_an_input_at_fault_is_named(act: Any, sandbox: Sandbox, change: dict[str, Any], field: str) -> None:
    data = {name: value for name, value in (HOUR | change).items() if value is not None}
    before = len(sandbox.requests)

    with pytest.raises(Problem) as refused:
        act(KEY, data)

    assert (refused.value.code, list(refused.value.fields or {})) == ("invalid_input", [field])
    assert len(sandbox.requests) == before


@pytest.mark.parametrize("change", [{"start": "2026-01-01T00:00:00Z"}, {"end": "2026-01-01T00:00:00Z"}])
def test_a_window_that_is_over_is_refused_in_words(
    act: Any, sandbox: Sandbox, change: dict[str, str]
) -> None:
    data = HOUR | change
    if "end" in change:
        del data["duration_minutes"]

    call = act(KEY, data)

    assert (call.status, call.error["code"]) == ("failed", "invalid_input")
    assert call.error["message"] == "The maintenance window must end in the future."
    assert writes(sandbox) == 0


def test_from_is_checked_before_anything_is_sent(act: Any, sandbox: Sandbox) -> None:
    call = act(KEY, HOUR | {"from": "nobody@acme.example"})

    assert (call.status, call.error["code"], writes(sandbox)) == ("failed", "from_not_a_user", 0)


def test_what_pagerduty_says_reaches_the_person(act: Any) -> None:
    call = act(KEY, HOUR | {"service_ids": ["PSVC00", "PSVC10"]})

    assert (call.status, call.error["code"]) == ("failed", "invalid_at_provider")
    assert call.error["detail"]["reasons"] == ["Service not found."]


# --- permission ----------------------------------------------------------------------------------------
def test_without_the_permission_the_page_says_what_to_ask_for(db: None, sandbox: Sandbox) -> None:
    who = people()
    connection = consented(who.alice, who.acme, sandbox)
    alice: Client = signed_in(who.alice)
    reconnects = '<input type="hidden" name="also" value="maintenance_windows">'

    for where in (
        reverse("actions:list", args=[connection.pk]),
        reverse("actions:try", args=[connection.pk, "pagerduty", KEY]),
    ):
        page = alice.get(where, follow=True).content.decode()
        assert "Missing: services.write (Create and change services and their maintenance windows)." in page
        assert reconnects in page

    assert ActionCall.objects.count() == writes(sandbox) == 0


def test_the_sample_and_the_output_fit_their_schemas(act: Any) -> None:
    action = ACTIONS[f"pagerduty/{KEY}"]

    made = output(act(KEY, action.sample_input | {"service_ids": ["PSVC00"]}))

    Draft7Validator(action.output_schema).validate(made)
    assert action.scope == "services.read services.write users.read"
