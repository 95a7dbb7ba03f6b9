"""What the API or an earlier release left in a step is not lost when its form is saved as the page shows it."""

from typing import Any

import pytest
from django.test import Client

from connections.models import Connection
from pagerduty_app.actions import ACTIONS
from tests.factories import DANA, SYSTEM
from tests.support.browser import text
from tests.support.html_forms import form_of
from tests.workflows.pages.editor.drafting import address, steps_of
from tests.workflows.pages.editor.test_unusual_drafts import put, step
from workflows.authoring import lifecycle
from workflows.models import Trigger, Workflow

pytestmark = pytest.mark.django_db
BRIDGE = {"conference_number": "+1 415-555-1212", "conference_url": "{{ trigger.incident.html_url }}"}
CHANGE = {"from": DANA, "incident_id": "{{ trigger.incident.id }}"}


def save(bob: Client, draft: Workflow, **changes: str) -> Any:
    """Send the form of the draft's only step as its page renders it, with these changes."""
    where = address(draft, "step", "one")
    return bob.post(where, form_of(bob.get(where), **changes))


def hold(draft: Workflow, connection: Connection, action: str, given: dict[str, Any]) -> None:
    put(draft, steps=[step(connection, key="one", action=f"pagerduty/{action}", input=given)])


def test_a_nested_object_that_the_api_stored_is_shown_and_kept(
    bob: Client, trigger: Trigger, connection: Connection, provider: Any
) -> None:
    one = step(connection, key="one", action="pagerduty/update-incident")
    made = lifecycle.create(
        actor=SYSTEM,
        trigger=trigger,
        name="Bridge",
        definition={"steps": [one | {"input": CHANGE | {"conference_bridge": BRIDGE}}]},
    )
    assert steps_of(made)[0]["input"] == CHANGE | BRIDGE

    assert 'value="+1 415-555-1212"' in bob.get(address(made, "step", "one")).content.decode()
    answer = save(bob, made)

    assert answer.status_code == 302, text(answer)
    assert steps_of(made)[0]["input"] == CHANGE | BRIDGE


def test_a_nested_object_of_an_older_draft_is_kept_by_its_parts(
    bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    hold(draft, connection, "update-incident", CHANGE | {"conference_bridge": BRIDGE})

    answer = save(bob, draft, in_conference_number="+49 30 1234")

    assert answer.status_code == 302, text(answer)
    assert steps_of(draft)[0]["input"] == CHANGE | BRIDGE | {"conference_number": "+49 30 1234"}


@pytest.mark.parametrize("bridge", [{"url": "https://meet.example"}, BRIDGE | {"pin": "1"}])
def test_a_nested_object_with_other_parts_is_refused_with_its_name(
    bridge: dict[str, str], bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    stored = CHANGE | {"status": "resolved", "conference_bridge": bridge}
    hold(draft, connection, "update-incident", stored)

    answer = save(bob, draft)

    assert answer.status_code == 400
    assert "Unknown or given twice" in text(answer)
    assert steps_of(draft)[0]["input"] == stored


def test_an_input_that_the_action_does_not_have_is_shown_until_it_is_cleared(
    bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    stored = CHANGE | {
        "status": "resolved",
        "colour": {"of": ["red <b>"]},
        "note": "{{ trigger.incident.title }}",
    }
    hold(draft, connection, "update-incident", stored)

    answer = save(bob, draft)

    assert answer.status_code == 400
    assert "This action has no such input." in text(answer)
    assert "red <b>" in text(answer)
    assert "Unknown field." in text(answer)
    assert steps_of(draft)[0]["input"] == stored
    answer = save(bob, draft, in_colour="", in_note="")
    assert answer.status_code == 302, text(answer)
    assert steps_of(draft)[0]["input"] == CHANGE | {"status": "resolved"}


@pytest.mark.parametrize("key", sorted(ACTIONS))
def test_the_form_of_each_action_keeps_what_it_was_not_asked_to_change(
    key: str, bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    given = ACTIONS[key].sample_input
    hold(draft, connection, key.removeprefix("pagerduty/"), given)

    answer = save(bob, draft, name="Another name")

    assert answer.status_code == 302, text(answer)
    assert steps_of(draft)[0]["name"] == "Another name"
    assert steps_of(draft)[0]["input"] == given


@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("list-incidents", {"limit": 5, "service_ids": ["PSVC00", "PSVC01"]}),
        ("list-services", {"all": True}),
        (
            "set-custom-fields",
            CHANGE | {"custom_fields": {"regions": ["a, b", "c"], "count": 3, "open": None}},
        ),
        ("update-incident", CHANGE | {"escalation_level": 2, "reopen": False, "title": " Two\nlines "}),
    ],
)
def test_values_that_a_field_shows_in_another_form_stay_as_they_were(
    action: str, given: dict[str, Any], bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    hold(draft, connection, action, given)

    answer = save(bob, draft)

    assert answer.status_code == 302, text(answer)
    assert steps_of(draft)[0]["input"] == given


def test_a_flag_of_the_api_is_chosen_in_its_list(
    bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    hold(draft, connection, "list-services", {"all": True})

    page = bob.get(address(draft, "step", "one")).content.decode()

    assert '<option value="true" selected>Yes</option>' in page


def test_a_changed_value_is_the_entered_one(
    bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    hold(draft, connection, "list-incidents", {"limit": 5, "service_ids": ["PSVC00"]})

    answer = save(bob, draft, in_limit="6", in_service_ids="")

    assert answer.status_code == 302, text(answer)
    assert steps_of(draft)[0]["input"] == {"limit": "6"}
