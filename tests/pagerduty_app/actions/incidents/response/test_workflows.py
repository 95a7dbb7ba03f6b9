"""An incident workflow is started once, and never again when the response was lost."""

from typing import Any

import pytest
from django.urls import reverse

from connections.models import Connection
from core.errors import Problem
from pagerduty_app.actions import ACTIONS
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import people
from tests.support.browser import signed_in
from tests.support.consent import consented
from tests.support.present import present
from tests.support.sandbox_actions import DANA, act, asked, fault, later, output

__all__ = ["act"]
pytestmark = pytest.mark.django_db
KEY, PATH = "start-incident-workflow", "/incident_workflows/PFLOW01/instances"
STARTS, LIST = "incident_workflow_starts", "incident_workflows"


@pytest.fixture
def connection(db: None, sandbox: Sandbox) -> Connection:
    who = people()
    return consented(who.alice, who.acme, sandbox, optional=[STARTS])


@pytest.fixture
def data(sandbox: Sandbox) -> dict[str, Any]:
    incident = sandbox.incidents.insert("PACME01", "PSVC00")["id"]
    return {"from": DANA, "incident_id": incident, "incident_workflow_id": "PFLOW01"}


def started(sandbox: Sandbox, data: dict[str, Any]) -> int:
    return sandbox.store.count("incident_workflow_instance", data["incident_id"])


def writes(sandbox: Sandbox) -> list[dict[str, Any]]:
    return asked(sandbox, "POST", PATH)


def test_a_workflow_is_started_once(act: Any, sandbox: Sandbox, data: Any) -> None:
    made = output(act(KEY, data))["incident_workflow_instance"]

    assert made["incident"]["id"] == data["incident_id"]
    assert started(sandbox, data) == 1
    (sent,) = writes(sandbox)
    assert "From" not in sent["headers"]  # the operation has no such header
    reference = {"id": data["incident_id"], "type": "incident_reference"}
    assert sent["body"]["incident_workflow_instance"]["incident"] == reference


@pytest.mark.parametrize(("kind", "count"), [("lose_answer", 1), ("status_after", 1), ("drop_before", 0)])
def test_a_start_whose_answer_was_lost_is_not_sent_again_and_says_so(
    act: Any, sandbox: Sandbox, data: Any, kind: str, count: int
) -> None:
    """No request lists what was started: a second start would do everything in the workflow again."""
    fault(sandbox, kind, PATH, status=502)

    call = later(act(KEY, data))

    assert call.status == "failed"
    assert call.error is not None
    assert (call.error["code"], call.error["retryable"]) == ("incident_workflow_unconfirmed", False)
    assert "not sent again" in call.error["message"]
    assert (started(sandbox, data), len(writes(sandbox))) == (count, 1)


def test_a_start_that_was_refused_for_now_is_sent_again(act: Any, sandbox: Sandbox, data: Any) -> None:
    fault(sandbox, "rate_limit", PATH)

    output(later(act(KEY, data)))

    assert started(sandbox, data) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"from": "nobody@acme.example"}, "from_not_a_user"),
        ({"incident_id": "PNOTTHERE"}, "incident_not_found"),
        ({"incident_workflow_id": "PNOTTHERE"}, "not_found_at_provider"),
        ({"incident_workflow_id": "PFLOW03"}, "invalid_at_provider"),
    ],
)
def test_a_refusal_is_told_in_words(
    act: Any, sandbox: Sandbox, data: Any, change: dict[str, str], code: str
) -> None:
    call = act(KEY, data | change)

    assert (call.status, call.error["code"]) == ("failed", code)
    assert present(call.error)["message"]
    assert started(sandbox, data) == 0


def test_a_plan_without_workflows_is_explained(act: Any, sandbox: Sandbox, data: Any) -> None:
    body = {"error": {"message": "Account does not have the ability", "code": 2014, "errors": []}}
    fault(sandbox, "status", PATH, status=402, body=body)

    call = act(KEY, data)

    assert (call.status, call.error["code"]) == ("failed", "not_in_provider_plan")


@pytest.mark.parametrize("name", ["from", "incident_id", "incident_workflow_id"])
def test_each_input_is_required(act: Any, data: Any, name: str) -> None:
    with pytest.raises(Problem) as refused:
        act(KEY, {key: value for key, value in data.items() if key != name})

    assert list(refused.value.fields or {}) == [name]


def test_workflows_are_chosen_from_a_list_without_those_that_are_disabled(db: None, sandbox: Sandbox) -> None:
    who = people()
    connection = consented(who.alice, who.acme, sandbox, optional=[STARTS, LIST])
    form = reverse("actions:try", args=[connection.pk, "pagerduty", KEY])

    page = signed_in(who.alice).get(form, follow=True).content.decode()

    assert '<option value="PFLOW01">Major incident</option>' in page
    assert '<option value="PFLOW02">Inform customers</option>' in page
    assert "PFLOW03" not in page


def test_without_the_permissions_the_pages_say_what_to_ask_for(
    connection: Connection, sandbox: Sandbox
) -> None:
    who = connection.workspace.account.memberships.get(role="owner").user
    form = reverse("actions:try", args=[connection.pk, "pagerduty", KEY])
    browser = signed_in(who)

    typed = browser.get(form, follow=True).content.decode()
    connection.grant.scopes_granted.remove("incident_workflows:instances.write")
    connection.grant.save()
    refused = browser.get(form, follow=True).content.decode()

    assert "in PagerDuty. To choose from a list, reconnect with “See incident workflows”." in typed
    assert 'name="incident_workflow_id"' in typed
    assert "Missing: incident_workflows:instances.write (Start incident workflows)." in refused
    assert f'<input type="hidden" name="also" value="{STARTS}">' in refused
    assert f'value="{LIST}"' not in refused


def test_the_sample_and_the_scope(act: Any, data: Any) -> None:
    action = ACTIONS[f"pagerduty/{KEY}"]

    assert action.scope == "incident_workflows:instances.write users.read"
    assert set(action.sample_input) == set(data)
