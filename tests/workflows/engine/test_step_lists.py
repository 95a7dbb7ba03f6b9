"""Lists in a step: all pages unless the step chooses otherwise, and the run page says what was left out."""

import json
from typing import Any

import pytest
import responses
from django.test import Client
from django.urls import reverse

from connections.models import Connection, Workspace
from pagerduty_app.actions import listings
from tests.factories import API, People, incident_event, publish
from tests.support.browser import text
from tests.support.present import present
from workflows import catalog, worker
from workflows.models import Run, Trigger
from workflows.runs import step_inputs

pytestmark = pytest.mark.django_db
FIELDS: dict[str, Any] = {"trigger": {"incident": {"id": "PINC1"}}, "steps": {}}
PAGED = {
    action.key: action.sample_input
    for action in catalog.integration("pagerduty").actions.values()
    if {"all", "offset"} <= set(catalog.input_schema(action.key)["properties"])
}


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


def listed(pagerduty: responses.RequestsMock) -> list[str]:
    """Answer lists of services in two pages of 100; return the offsets that were asked for."""
    offsets: list[str] = []

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        offset = int(request.params.get("offset", 0))
        offsets.append(str(offset))
        rows = [{"id": f"PSVC{offset + number}", "name": f"Service {number}"} for number in range(100)]
        body = {"services": rows, "more": offset == 0, "offset": offset, "limit": 100, "total": None}
        return 200, {}, json.dumps(body)

    pagerduty.add_callback("GET", f"{API}/services", callback=answer)
    return offsets


def run_of(trigger: Trigger, connection: Connection, deliver: Any, **inputs: Any) -> Run:
    """Run a workflow whose one step lists services with that input."""
    step = {"key": "list", "connection": str(connection.pk), "action": "pagerduty/list-services"}
    publish(trigger, connection, steps=[step | {"input": inputs}])
    deliver(incident_event())
    worker.drain()
    return Run.objects.get()


def output_of(run: Run) -> dict[str, Any]:
    call = present(run.steps.get().call)
    assert call.status == "completed", call.error
    found: dict[str, Any] = present(call.output)
    return found


def test_every_list_that_is_paged_has_the_default() -> None:
    assert len(PAGED) >= 7
    for key, sample in PAGED.items():
        templates = {name: value for name, value in sample.items() if name != "all"}
        assert step_inputs.prepare(key, templates, FIELDS).given["all"] is True, key


def test_a_step_without_a_choice_takes_all_pages(
    trigger: Trigger, connection: Connection, deliver: Any, pagerduty: responses.RequestsMock
) -> None:
    offsets = listed(pagerduty)

    output = output_of(run_of(trigger, connection, deliver))

    assert (len(output["services"]), output["complete"]) == (200, True)
    assert offsets == ["0", "100"]


@pytest.mark.parametrize("inputs", [{"limit": "50"}, {"offset": "100"}, {"all": "false"}, {"all": False}])
def test_a_step_that_chose_one_page_keeps_it(
    trigger: Trigger,
    connection: Connection,
    deliver: Any,
    pagerduty: responses.RequestsMock,
    inputs: dict[str, Any],
) -> None:
    offsets = listed(pagerduty)

    output_of(run_of(trigger, connection, deliver, **inputs))

    assert len(offsets) == 1


def test_a_limit_whose_field_is_missing_does_not_become_all_pages() -> None:
    prepared = step_inputs.prepare("pagerduty/list-services", {"limit": "{{ trigger.nothing }}"}, FIELDS)

    assert prepared.unfilled == {"limit"}
    assert "all" not in prepared.given


def test_actions_that_are_no_lists_get_no_default() -> None:
    prepared = step_inputs.prepare("pagerduty/get-incident", {"incident_id": "PINC1"}, FIELDS)

    assert prepared.given == {"incident_id": "PINC1"}


def test_the_api_keeps_one_page(ask: Any, connection: Connection, pagerduty: responses.RequestsMock) -> None:
    offsets = listed(pagerduty)

    answer = ask("post", f"connections/{connection.pk}/actions/pagerduty/list-services/", {})

    assert (answer.json()["output"]["more"], offsets) == (True, ["0"])


def test_the_run_says_what_was_left_out(
    trigger: Trigger,
    connection: Connection,
    deliver: Any,
    pagerduty: responses.RequestsMock,
    bob: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listings, "MOST_ROWS", 100)
    listed(pagerduty)

    run = run_of(trigger, connection, deliver)

    assert output_of(run)["complete"] is False
    page = text(bob.get(reverse("workflows:run", args=[run.id])))
    assert "Services: 100" in page
    assert "One answer holds 100 services; narrow the filters" in page
