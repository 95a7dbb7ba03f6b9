"""Rows that can never hold are refused wherever a draft comes from, by number and with the reason."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connections.models import Connection, Workspace
from core.errors import Problem
from tests.factories import SYSTEM, Ask, People, incident_event, note_step, publish
from tests.support.browser import text
from workflows import worker
from workflows.authoring import drafts, dry_run, import_export
from workflows.authoring.condition_rows import ConditionForm
from workflows.authoring.descriptions import rows as in_words
from workflows.authoring.samples import Field, Source
from workflows.models import Run, Trigger, Workflow

NEVER: list[tuple[list[Any], str]] = [
    (["teams", "greater", 5], "greater compares numbers, and {teams} is a list of objects."),
    (["teams", "before", "2026-11-02"], "before compares dates and times, and {teams} is a list of objects."),
    (["teams.*.sumary", "equals", "x"], "There is no field {teams}.*.sumary. Did you mean summary?"),
    (["teams.summary", "equals", "x"], "For each item of the list write {teams}.*.summary."),
    (["title.*", "equals", "x"], "{title} is a text, and * is for the items of a list."),
    (["title.first", "equals", "x"], "{title} is a text, and first is for the items of a list."),
    (["service.*.id", "equals", "x"], "{service} is an object, and * is for the items of a list."),
    (["number", "equals", "many"], "{number} is a number, and “many” is none."),
    (["number", "one_of", ["a", "b"]], "{number} is a number, and “a, b” is none."),
    (["number", "before", "2026-11-02"], "before compares dates and times, and {number} is a number."),
    (["number", "within", "09:00-17:00"], "within compares dates and times, and {number} is a number."),
    (
        ["conference_bridge", "equals", "x"],
        "an object without summary and id. Name one of its fields, such as",
    ),
    (["service", "greater", "5"], "Name one of its fields, such as {service}.summary."),
    (["created_at", "greater", "5"], "{created_at} is a date and time. Use before or after."),
    (["urgency", "equals", "hihg"], "{urgency} is high or low, never “hihg”. Did you mean high?"),
    (["urgency", "one_of", ["urgent", "severe"]], "{urgency} is high or low, never “urgent, severe”."),
    (["urgency", "greater", "5"], "{urgency} is high or low: greater “5” holds for none of them."),
    (
        ["urgency", "contains", "urgent"],
        "{urgency} is high or low: contains “urgent” holds for none of them.",
    ),
    (["urgency", "matches", "h?h"], "{urgency} is high or low: matches “h?h” holds for none of them."),
    (["urgency", "within", "09:00-17:00"], "holds for none of them."),
    (["number", "contains", "INC"], "{number} is a number, and its digits never have “INC”."),
    (["created_at", "equals", "2026-11-02"], "{created_at} is a date and time, never “2026-11-02”."),
    (["number", "matches", "INC*"], "{number} is a number, and its digits never have “INC*”."),
    (["created_at", "contains", "Platform"], "{created_at} is a date and time, never “Platform”."),
    (["created_at", "matches", "*nov*"], "{created_at} is a date and time, never “*nov*”."),
    (["status", "equals", "acknowleged"], "never “acknowleged”. Did you mean acknowledged?"),
    (["status", "greater", "5"], "holds for none of them."),
    (["title", "equals", None], "equals takes one value"),
    (["title", "contains", ""], "contains takes one value of at least one"),
    (["title", "one_of", []], "one_of takes a list of at least one"),
    (["title", "exists", "no"], "exists takes true or false."),
    (["number", "greater", "NaN"], "greater takes a number."),
    (["number", "greater", "1e999999999"], "greater takes a number."),
    (["created_at", "within", "09:00"], "“09:00” has no end: write hours as 09:00-17:00."),
    (["created_at", "within", "09:00-17:00 localtime"], "Unknown time zone localtime."),
    (["title", "equals", "{{ trigger.incident.titel }}"], "In the value: There is no field"),
    (["title", "equals", "{{ steps.note.note.id }}"], "In the value: There is no earlier step note."),
    (["title", "equals", "{{ trigger.incident.title"], "The value cannot be read."),
    (["title", "equals", "{{ trigger.incident.title | upcas }}"], "Did you mean upcase?"),
    (["number", "greater", "{{ trigger.incident.teams }}"], "in the value is a list of objects."),
    (["number", "greater", "{{ trigger.incident.number }}"], "{number} is compared with itself."),
    (["title", "not_equals", "{{ trigger.incident.title }}"], "{title} is compared with itself."),
]
MAY_HOLD: list[list[Any]] = [
    ["teams", "contains", "Platform"],
    ["teams", "equals", "PTEAM1"],
    ["teams.*.summary", "contains", "plat"],
    ["teams.0.summary", "equals", "Platform"],
    ["teams.size", "greater", "1"],
    ["teams.first.summary", "matches", "P*"],
    ["assignees.*.id", "one_of", ["PUSER1"]],
    ["service", "equals", "Payments"],
    ["priority", "contains", "P1"],
    ["number", "equals", "42.0"],
    ["number", "greater", "{{ trigger.incident.teams.size }}"],
    ["number", "one_of", ["many", "5"]],
    ["title", "equals", "{{ trigger.incident.service.summary }}"],
    ["title", "greater", "5"],
    ["title", "equals", ""],
    ["urgency", "equals", "HIGH"],
    ["urgency", "contains", "hi"],
    ["urgency", "matches", "l*"],
    ["urgency", "not_equals", "urgent"],
    ["number", "contains", "42"],
    ["number", "matches", "4?*"],
    ["status", "one_of", ["Triggered", "open"]],
    ["created_at", "contains", "2026-11"],
    ["created_at", "matches", "2026-11-??T09:*Z"],
    ["created_at", "equals", "2026-11-02T10:00:00+01:00"],
    ["urgency", "equals", "{{ trigger.incident.title }}"],
    ["created_at", "before", "{{ trigger.event.occurred_at }}"],
    ["created_at", "within", "mon-fri 22:00-06:00 europe/london"],
    ["custom.*.value", "greater", 5],
    ["nonsense", "before", "2026-11-02"],
]


def rows_of(row: list[Any]) -> list[Any]:
    field, operator, value = row
    return [["trigger.incident.title", "exists", True], [f"trigger.incident.{field}", operator, value]]


def address(draft: Workflow) -> str:
    return reverse("workflows:conditions", args=[draft.pk])


def reason(said: str) -> str:
    for name in ("teams", "title", "service", "number", "created_at", "urgency"):
        said = said.replace(f"{{{name}}}", f"trigger.incident.{name}")
    return said


@pytest.mark.django_db
class TestRowsThatNeverHold:
    def test_the_api_refuses_each_row_with_its_reason(
        self, ask: Ask, trigger: Trigger, connection: Connection
    ) -> None:
        body = {"name": "x", "trigger": str(trigger.pk), "steps": [note_step(connection)]}

        for row, said in NEVER:
            answer = ask("post", "workflows/", body | {"conditions": {"match": "all", "rows": rows_of(row)}})

            assert answer.status_code == 400, row
            (message,) = answer.json()["error"]["fields"]["conditions"]
            assert message.startswith("Row 2: "), row
            assert reason(said) in message, row

    def test_a_row_that_may_hold_is_taken(self, ask: Ask, trigger: Trigger, connection: Connection) -> None:
        body = {"name": "x", "trigger": str(trigger.pk), "steps": [note_step(connection)]}

        for row in MAY_HOLD:
            answer = ask("post", "workflows/", body | {"conditions": {"match": "all", "rows": rows_of(row)}})

            assert answer.status_code == 201, (row, answer.content)

    def test_each_such_row_is_named_also_beside_a_broken_step(
        self, ask: Ask, trigger: Trigger, connection: Connection
    ) -> None:
        rows = [*rows_of(["teams", "greater", 5])[1:], *rows_of(["number", "equals", "x"])[1:]]
        body = {"name": "x", "trigger": str(trigger.pk), "conditions": {"rows": rows}}
        for step in (note_step(connection), note_step(connection, action="pagerduty/gone")):
            answer = ask("post", "workflows/", body | {"steps": [step]})

            assert [said[:6] for said in answer.json()["error"]["fields"]["conditions"]] == [
                "Row 1:",
                "Row 2:",
            ]

    def test_a_steps_only_if_is_refused_alike(
        self, ask: Ask, trigger: Trigger, connection: Connection
    ) -> None:
        rows = [["steps.note.note.id", "exists", True], ["steps.note", "equals", "x"]]
        steps = [note_step(connection), note_step(connection, key="second", only_if={"rows": rows})]

        answer = ask("post", "workflows/", {"name": "x", "trigger": str(trigger.pk), "steps": steps})

        assert answer.json()["error"]["fields"]["steps"]["1"]["only_if"] == [
            "Row 2: steps.note is an object without summary and id. Name one of its fields, such as steps.note.note."
        ]

    def test_publishing_and_importing_refuse_it_and_what_is_published_goes_on(
        self, ask: Ask, trigger: Trigger, connection: Connection, deliver: Any
    ) -> None:
        workflow = publish(trigger, connection)
        never = {"match": "any", "rows": [["trigger.incident.teams", "greater", 5]]}
        # As a version of before, and a draft of before, have it.
        version = workflow.live
        assert version is not None
        old = {"match": "any", "rows": [*never["rows"], ["trigger.incident.urgency", "equals", "high"]]}
        version.definition["conditions"] = old
        version.save()
        Workflow.objects.update(draft=drafts.with_conditions(workflow.draft, never))

        refused = ask("post", f"workflows/{workflow.pk}/publish/")
        deliver(incident_event(urgency="high"))
        worker.drain()

        assert "Row 1: greater compares numbers" in refused.json()["error"]["fields"]["conditions"][0]
        assert Run.objects.get().version == version
        workflow.refresh_from_db()
        found = import_export.checked(import_export.of_workflow(workflow))
        with pytest.raises(Problem, match="Row 1: greater compares numbers"):
            import_export.bring_in(
                actor=SYSTEM, found=found, trigger=trigger, connections={"connection_1": connection}
            )


class TestOnPages:
    @pytest.fixture
    def workspace(self, who: People) -> Workspace:
        return who.acme

    @pytest.fixture
    def draft(self, note_workflow: Workflow) -> Workflow:
        return note_workflow

    def post(self, browser: Client, draft: Workflow, *rows: list[str]) -> Any:
        columns = dict(zip(("field", "operator", "value"), map(list, zip(*rows, strict=True)), strict=True))
        return browser.post(address(draft), {"match": "all", **columns})

    def test_the_form_marks_the_row_and_says_why(self, bob: Client, draft: Workflow) -> None:
        answer = self.post(
            bob,
            draft,
            ["trigger.incident.title", "equals", "x"],
            ["trigger.incident.number", "equals", "many"],
            ["trigger.incident.title", "equals", "{{ trigger.incident.titel }}"],
        )

        assert answer.status_code == 400
        errors = [row.error for row in answer.context["form"].rows]
        assert errors == [
            "",
            "trigger.incident.number is a number, and “many” is none.",
            "In the value: There is no field trigger.incident.titel. Did you mean title?",
            "",
        ]
        assert "“many” is none" in text(answer)

    def test_the_form_offers_paths_through_lists_and_takes_fields_as_values(
        self, bob: Client, draft: Workflow
    ) -> None:
        page = bob.get(address(draft)).content.decode()
        assert '<option value="trigger.incident.teams.*.summary"' in page
        assert "Any team" in page

        rows = [
            ["trigger.incident.teams.*.summary", "equals", "Platform"],
            ["trigger.incident.title", "one_of", 'a, {{ trigger.incident.title | default: "b, c" }}'],
        ]
        assert self.post(bob, draft, *rows).status_code == 302
        draft.refresh_from_db()
        assert draft.draft["conditions"]["rows"] == [
            rows[0],
            [*rows[1][:2], ["a", '{{ trigger.incident.title | default: "b, c" }}']],
        ]

    def test_the_dry_run_decides_and_says_what_is_there(self, draft: Workflow) -> None:
        rows = [
            ["trigger.incident.teams.*.summary", "equals", "platform"],
            ["trigger.incident.service", "equals", "{{ trigger.incident.service.summary }}"],
        ]
        draft.draft = drafts.with_conditions(draft.draft, {"match": "all", "rows": rows})

        found = dry_run.rehearse(draft, None)

        assert [(row.words, row.actual, row.holds) for row in found.rows] == [
            ("Any team is platform", "Platform", True),
            (
                "Incident service is {{ trigger.incident.service.summary }}",
                "Payments (PSVC001); the value is Payments",
                True,
            ),
        ]
        assert found.starts

    def test_nested_lists_are_offered_as_such(self) -> None:
        source = Source("New", [Field("trigger.a.0.b.0.c", "A first b first c", "1")])

        (offered,) = ConditionForm({}, [source]).sources

        assert [field.path for field in offered.fields] == ["trigger.a.*.b.*.c", "trigger.a.0.b.0.c"]
        assert in_words({"rows": [["trigger.a.*.b.*.c", "equals", "1"]]}, {}) == ["A any b any c is 1"]
