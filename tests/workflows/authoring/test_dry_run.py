"""A dry run says what the run then does: the same inputs, or the same faults, for any draft on any event."""

import json
import uuid
from typing import Any

import pytest
import responses
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from connections.models import Connection
from tests.factories import DANA, SYSTEM, Ask, add_note, note_step, publish
from tests.support.present import present
from workflows import worker
from workflows.authoring import draft_tests, dry_run, lifecycle
from workflows.inbox import store
from workflows.models import Event, Run, Trigger, Workflow

pytestmark = pytest.mark.django_db
DATA: dict[str, Any] = {
    "id": "PINC1",
    "type": "incident",
    "title": "Payments are slow",
    "number": 37,
    "share": 0.5,
    "urgency": "high",
    "urgent": True,
    "priority": None,
    "service": {"id": "PSVC1", "summary": "Zahlungen"},
    "teams": [{"id": "PT1", "summary": "Platform"}],
    "labels": ["a", "b"],
    "nobody": [],
    "long": "x" * 3000,
}
fields = st.sampled_from([*DATA, "priority.summary", "teams[0].id", "nobody[0]", "colour", "service.summary"])
used = st.sampled_from(
    ["", " | default: 'none'", " | upcase", " | size", " | json", " | plus: 1", " | map: 'id'", " | join"]
)
lone = st.builds(lambda name, more: f"{{{{ trigger.incident.{name}{more} }}}}", fields, used)
templates = st.one_of(
    lone,
    lone,
    st.builds(lambda before, one: f"{before}{one}", st.sampled_from(["x ", "5", " "]), lone),
    st.sampled_from(
        [
            "plain",
            "PSVC1",
            "high",
            "true",
            "7",
            DANA,
            "{% raw %}{{ x }}{% endraw %}",
            "{{ nil }}",
            "{{ blank }}",
        ]
    ),
)
inputs = {
    "pagerduty/create-incident-note": st.fixed_dictionaries(
        {"from": st.just(DANA), "incident_id": templates, "content": templates}
    ),
    "pagerduty/create-incident": st.fixed_dictionaries(
        {"from": templates, "service_id": templates, "title": templates},
        optional={"urgency": templates, "details": templates, "incident_key": templates},
    ),
    "pagerduty/list-incidents": st.fixed_dictionaries(
        {},
        optional={
            "statuses": st.lists(templates, min_size=1, max_size=3),
            "team_ids": st.one_of(templates, st.lists(templates, min_size=1, max_size=3)),
            "limit": templates,
            "all": templates,
            "incident_key": templates,
        },
    ),
}
steps = st.one_of(
    *(st.tuples(st.just(action), given_input) for action, given_input in inputs.items()),
)
data = st.dictionaries(
    st.sampled_from(sorted(set(DATA) - {"id", "type"})),
    st.one_of(
        st.sampled_from(list(DATA.values())), st.integers(-5, 2**60), st.text(max_size=5), st.floats(-9, 9)
    ),
    max_size=4,
)


def event_with(trigger: Trigger, changes: dict[str, Any]) -> Event:
    body = {"event": {"id": uuid.uuid4().hex, "event_type": "incident.triggered", "data": DATA | changes}}
    event = store.event_of(trigger, body=json.dumps(body).encode(), is_test=True)
    event.status = Event.Status.DONE
    event.save(force_insert=True)
    return event


def run_of(workflow: Workflow, event: Event) -> Run:
    run = draft_tests.start(actor=SYSTEM, workflow=workflow, event=event, once=uuid.uuid4().hex)
    worker.drain()
    run.refresh_from_db()
    return run


@pytest.mark.slow
def test_any_draft_is_filled_in_by_the_run_as_its_dry_run_said(
    trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    workflow = publish(trigger, connection)
    seen: set[str] = set()

    @examples(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @given(steps, data)
    def agree(chosen: tuple[str, dict[str, Any]], changes: dict[str, Any]) -> None:
        action, entered = chosen
        step = note_step(connection, action=action, input=entered)
        try:
            lifecycle.change(actor=SYSTEM, workflow=workflow, name="x", definition={"steps": [step]})
        except ValidationError:
            seen.add("refused when saved")
            return
        event = event_with(trigger, changes)

        said = dry_run.rehearse(workflow, event).steps[0]
        made = run_of(workflow, event).steps.get()

        if said.faults:
            assert made.call is None
            told = {name: " ".join(why) for name, why in present(made.error)["detail"]["fields"].items()}
            assert told == dict(said.faults)
            seen.add("fails")
        else:
            assert made.call is not None
            assert made.call.input == said.input
            seen.add("goes")

    agree()
    assert {"fails", "goes"} <= seen


@pytest.mark.parametrize(
    ("content", "becomes"),
    [
        ("{{ trigger.incident.number }}", "37"),
        ("{{ trigger.incident.urgent }}", "true"),
        ("{{ trigger.incident.share }}", "0.5"),
        ("{{ trigger.incident.service }}", '{"id":"PSVC1","summary":"Zahlungen"}'),
        ("{{ '19.90' | times: 3 }}", "59.70"),
        ("{{ trigger.incident.number }} of {{ trigger.incident.labels }}", '37 of ["a","b"]'),
    ],
)
def test_what_a_text_input_is_given_is_text_in_both(
    trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock, content: str, becomes: str
) -> None:
    add_note(pagerduty)
    step = note_step(connection)
    step["input"]["content"] = content
    workflow = publish(trigger, connection, steps=[step])
    event = event_with(trigger, {})

    said = dry_run.rehearse(workflow, event).steps[0]

    assert (said.faults, said.input["content"]) == ([], becomes)
    run = run_of(workflow, event)
    assert (run.status, run.steps.get().call.input["content"]) == ("completed", becomes)  # type: ignore[union-attr]


def test_a_list_that_a_field_gives_stands_for_its_items(
    trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    given_input = {"team_ids": ["{{ trigger.incident.teams | map: 'id' }}", "PT2"], "statuses": ["triggered"]}
    step = note_step(connection, action="pagerduty/list-incidents", input=given_input)
    workflow = publish(trigger, connection, steps=[step])

    said = dry_run.rehearse(workflow, event_with(trigger, {})).steps[0]

    assert (said.faults, said.input["team_ids"]) == ([], ["PT1", "PT2"])


def test_an_object_is_no_id(trigger: Trigger, connection: Connection) -> None:
    step = note_step(connection)
    step["input"]["incident_id"] = "{{ trigger.incident.service }}"
    workflow = publish(trigger, connection, steps=[step])

    assert dry_run.rehearse(workflow, event_with(trigger, {})).steps[0].faults == [
        ("incident_id", "Must be a string.")
    ]


def test_a_failed_step_names_step_input_and_field(
    trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    step = note_step(connection, name="Say so")
    step["input"]["content"] = "Priority {{ trigger.incident.priority.summary }}"
    workflow = publish(trigger, connection, steps=[step])

    error = present(run_of(workflow, event_with(trigger, {})).error)

    assert error["code"] == "expression_failed"
    assert error["message"].startswith("Step “Say so”, content: trigger.incident.priority is null")
    assert (error["detail"]["step"], list(error["detail"]["fields"])) == ("note", ["content"])


def test_a_step_that_fails_and_is_passed_over_leaves_nothing_to_the_next(
    trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    fails = note_step(connection, key="first", on_error="continue")
    fails["input"]["content"] = "{{ trigger.incident.priority.summary }}"
    after = note_step(connection)
    after["input"]["content"] = "{{ steps.first.note.id }}"
    workflow = publish(trigger, connection, steps=[fails, after])
    event = event_with(trigger, {})

    said = dict(dry_run.rehearse(workflow, event).steps[1].faults)["content"]

    assert said.startswith("Step first has no output")
    assert said in present(run_of(workflow, event).error)["message"]


class TestWarnings:
    """What fails with some events is accepted, and its author told."""

    CONTENT = "{{ trigger.incident.priority.summary }} {{ trigger.incident.teams.first.summary }}"

    def saved(self, ask: Ask, trigger: Trigger, connection: Connection, content: str, **more: Any) -> Any:
        step = note_step(connection)
        step["input"]["content"] = content
        body = {"name": "x", "trigger": str(trigger.pk), "steps": [step | more.pop("step", {})]} | more
        return ask("post", "workflows/", body)

    def test_a_nullable_field_without_a_default_is_warned_of(
        self, ask: Ask, trigger: Trigger, connection: Connection
    ) -> None:
        answer = self.saved(ask, trigger, connection, self.CONTENT)

        assert answer.status_code == 201
        warning = answer.json()["warnings"]["note"]["content"]
        assert warning.startswith("trigger.incident.priority can be null, and then this step fails.")
        tested = ask("post", f"workflows/{answer.json()['id']}/test/", {"dry": True}).json()
        assert tested["sound"]
        assert tested["steps"][0]["warnings"] == {"content": warning}

    def test_a_list_can_be_empty(self, ask: Ask, trigger: Trigger, connection: Connection) -> None:
        answer = self.saved(ask, trigger, connection, "{{ trigger.incident.teams[0].summary }}")

        assert answer.json()["warnings"]["note"]["content"].startswith("trigger.incident.teams can be empty")

    @pytest.mark.parametrize(
        ("content", "rows"),
        [
            ("{{ trigger.incident.priority.summary | default: 'none' }}", []),
            ("{{ trigger.incident.title }}", []),
            ("{{ trigger.incident.teams.size }}", []),
            (
                "{{ trigger.incident.priority.summary }}",
                [["trigger.incident.priority.summary", "equals", "P1"]],
            ),
            ("{{ trigger.incident.teams[0].id }}", [["trigger.incident.teams.first.id", "exists", True]]),
            ("{{ trigger.incident.teams[0].id }}", [["trigger.incident.teams.*.summary", "contains", "on"]]),
        ],
    )
    def test_not_where_a_default_or_a_condition_sees_to_it(
        self, ask: Ask, trigger: Trigger, connection: Connection, content: str, rows: list[Any]
    ) -> None:
        asked = {"match": "all", "rows": rows}

        assert self.saved(ask, trigger, connection, content, conditions=asked).json()["warnings"] == {}
        assert self.saved(ask, trigger, connection, content, step={"only_if": asked}).json()["warnings"] == {}

    @pytest.mark.parametrize("row", [["not_equals", "P1"], ["exists", False]])
    def test_a_condition_that_holds_for_nothing_does_not_help(
        self, ask: Ask, trigger: Trigger, connection: Connection, row: list[Any]
    ) -> None:
        asked = {"match": "all", "rows": [["trigger.incident.priority.summary", *row]]}
        content = "{{ trigger.incident.priority.summary }}"

        assert self.saved(ask, trigger, connection, content, conditions=asked).json()["warnings"]
