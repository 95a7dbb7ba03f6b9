"""Expressions that once broke a page or leaked Python: through the editor, the API, a dry run and a run."""

from typing import Any

import pytest
import responses
from django.test import Client

from connections.models import Connection, Workspace
from tests.factories import SYSTEM, Ask, People, add_note, incident_event, note_step
from tests.support.browser import text
from tests.support.present import present
from tests.workflows.pages.editor.conftest import draft
from tests.workflows.pages.editor.drafting import NOTE, address, step_address
from workflows import worker
from workflows.authoring import lifecycle
from workflows.models import Run, Trigger, Workflow

__all__ = ["draft"]
pytestmark = pytest.mark.django_db
# What each becomes in a text.
TEXTS = {
    "a {{ empty }}.": "a .",
    "a {{ blank }}.": "a .",
    "{{ true }}": "true",
    "{{ 7 }}": "7",
    "{{ 0.10 }}": "0.1",
    "a {{ -0.04 | round: 1 }}.": "a 0.0.",
    "a {{ 0.0 | times: -2 }}.": "a 0.0.",
    "{{ '{{' }}": "{{",
    "{{ trigger.incident.teams }}!": '[{"id":"PTEAM01"',
}
# How the fault of each begins.
FAULTS = {
    "{{ nil }}": "nil and null are nothing",
    "{{ null }}!": "nil and null are nothing",
    "{{ empty }}": "This field may not be blank.",
    "{{ blank }}": "This field may not be blank.",
    "{{ trigger.incident.teams[7].id }}": "trigger.incident.teams has only 1 item.",
    "{{ trigger.incident.title | date: '%Y' }}": "date takes a date or time",
    "{{ trigger.incident.title | truncate: 'x' }}": "truncate takes a number.",
}
UNREADABLE = {
    "{{ trigger.incident.created_at | date: '%Y', 'UTC', 'x' }}": "date takes at most 2 arguments, but is given 3.",
    "{{ trigger.incident.title | }}": "cannot be read: something is missing at its end, line 1, character 28.",
    "{{ trigger.incident.title | upcas }}": "There is no filter upcas. Did you mean upcase?",
    "{{ }}": "A field between {{ and }} is empty.",
    "{{ empty.x }}": "cannot be read",
    "{% if x %}": "Tags such as {% if %} are not available",
}


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


def entered(content: str) -> dict[str, str]:
    return NOTE | {"in-content": content}


def step_of(connection: Connection, content: str, **changes: Any) -> dict[str, Any]:
    step = note_step(connection, **changes)
    step["input"]["content"] = content
    return step


def published(bob: Client, draft: Workflow, steps: list[dict[str, Any]]) -> str:
    """Its dry run, once it is published with these steps."""
    lifecycle.change(actor=SYSTEM, workflow=draft, name="x", definition={"steps": steps})
    lifecycle.publish(actor=SYSTEM, workflow=draft)
    return text(bob.get(address(draft, "rehearsal")))


def run_of_an_event(deliver: Any) -> Run:
    deliver(incident_event(teams=[{"id": "PTEAM01"}], created_at="2026-11-02T09:29:58Z"))
    worker.drain()
    return Run.objects.get()


def test_the_editor_the_dry_run_and_the_run_say_the_same_text(
    bob: Client, draft: Workflow, connection: Connection, deliver: Any, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    preview = step_address(draft, connection, "create-incident-note", "preview")
    for content, said in TEXTS.items():
        assert said in text(bob.post(preview, entered(content))), content

    steps = [step_of(connection, content, key=f"note_{at}") for at, content in enumerate(TEXTS)]
    rehearsal, found = published(bob, draft, steps), 0
    run = run_of_an_event(deliver)

    for step, (content, said) in zip(run.steps.order_by("position"), TEXTS.items(), strict=True):
        found = rehearsal.find(said, found) + 1
        assert found, content
        assert said in present(step.call).input["content"], content


@pytest.mark.parametrize(("content", "said"), FAULTS.items())
def test_the_editor_the_dry_run_and_the_run_say_the_same_fault(
    bob: Client, draft: Workflow, connection: Connection, deliver: Any, content: str, said: str
) -> None:
    preview = step_address(draft, connection, "create-incident-note", "preview")
    assert said in text(bob.post(preview, entered(content)))

    assert said in published(bob, draft, [step_of(connection, content)])
    run = run_of_an_event(deliver)

    assert run.steps.get().call is None
    assert said in present(run.error)["message"]


@pytest.mark.parametrize(("content", "said"), UNREADABLE.items())
def test_what_cannot_be_read_is_refused_where_it_is_entered(
    ask: Ask,
    bob: Client,
    draft: Workflow,
    trigger: Trigger,
    connection: Connection,
    provider: Any,
    content: str,
    said: str,
) -> None:
    page = step_address(draft, connection, "create-incident-note")
    form = bob.post(page, entered(content) | {"connection": str(connection.pk)})
    assert form.status_code == 400
    assert said in text(form)
    assert said in text(
        bob.post(step_address(draft, connection, "create-incident-note", "preview"), entered(content))
    )

    step = note_step(connection)
    step["input"]["content"] = content
    answer = ask("post", "workflows/", {"name": "x", "trigger": str(trigger.pk), "steps": [step]})

    assert answer.status_code == 400
    assert said in answer.json()["error"]["fields"]["steps"]["0"]["input"]["content"][0]


def test_the_editor_offers_what_the_sample_has_not(
    bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    page = bob.get(step_address(draft, connection, "create-incident-note")).content.decode()

    for field in ("event.client.url", "incident.reopened_at", "incident.conference_bridge.conference_url"):
        assert f'data-expression="{{{{ trigger.{field} }}}}"' in page


def test_the_editor_and_its_preview_warn_of_what_can_be_null(
    bob: Client, draft: Workflow, connection: Connection, provider: Any
) -> None:
    content = "Priority {{ trigger.incident.priority.summary }}"
    preview = bob.post(step_address(draft, connection, "create-incident-note", "preview"), entered(content))
    page = step_address(draft, connection, "create-incident-note")
    stored = bob.post(page, entered(content) | {"connection": str(connection.pk)}, follow=True)

    for answer in (preview, stored, bob.get(address(draft, "rehearsal"))):
        assert "trigger.incident.priority can be null, and then this step fails." in text(answer)
