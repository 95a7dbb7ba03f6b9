"""Two tabs on one form: the later save shows both values field by field, and a person chooses; nothing is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connections.models import Account, Connection, Workspace
from tests.factories import DANA, SYSTEM, People, note_step, publish
from tests.support.browser import text
from tests.support.html_forms import form_of
from workflows.authoring import lifecycle
from workflows.models import Hook, Trigger, Workflow
from workflows.outgoing import endpoints

pytestmark = pytest.mark.django_db
STALE = "This was changed while you had it open."


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


@pytest.fixture
def workflow(trigger: Trigger, connection: Connection, pagerduty: Any) -> Workflow:
    return publish(trigger, connection, steps=[note_step(connection, name="Note")])


def step_of(workflow: Workflow) -> dict[str, Any]:
    steps: list[dict[str, Any]] = Workflow.objects.get(pk=workflow.pk).draft["steps"]
    return steps[0]


class TestAStep:
    @pytest.fixture
    def page(self, workflow: Workflow) -> str:
        return reverse("workflows:step", args=[workflow.pk, "note"])

    def two_tabs(self, alice: Client, page: str) -> tuple[dict[str, Any], dict[str, Any]]:
        first, second = form_of(alice.get(page), in_content="First"), form_of(alice.get(page))
        assert alice.post(page, first).status_code == 302
        return first, second

    def test_the_later_save_stores_nothing_and_shows_both(
        self, alice: Client, workflow: Workflow, page: str
    ) -> None:
        _, second = self.two_tabs(alice, page)

        late = alice.post(page, second | {"in-content": ["Second"]})

        assert (late.status_code, step_of(workflow)["input"]["content"]) == (409, "First")
        said = text(late)
        assert STALE in said
        assert "Your value Second Saved value First" in said
        assert [conflict.name for conflict in late.context["edit"].conflicts] == ["in-content"]
        assert form_of(late)["in-content"] == ["Second"]

    def test_mine_or_theirs_is_stored_as_chosen(self, alice: Client, workflow: Workflow, page: str) -> None:
        _, second = self.two_tabs(alice, page)
        late = alice.post(page, second | {"in-content": ["Second"], "name": ["Renamed"]})
        again = form_of(late)
        assert again["_take-in-content"] == ["mine"]

        assert alice.post(page, again).status_code == 302
        assert (step_of(workflow)["input"]["content"], step_of(workflow)["name"]) == ("Second", "Renamed")

        authoring_changes(workflow, content="Third")
        late = alice.post(page, again | {"_seen": second["_seen"], "in-content": ["Fourth"]})
        assert alice.post(page, form_of(late) | {"_take-in-content": ["theirs"]}).status_code == 302
        assert step_of(workflow)["input"]["content"] == "Third"

    def test_what_was_left_alone_here_is_theirs_to_begin_with(
        self, alice: Client, workflow: Workflow, page: str
    ) -> None:
        _, second = self.two_tabs(alice, page)

        late = alice.post(page, second | {"name": ["Renamed"]})
        assert form_of(late)["_take-in-content"] == ["theirs"]
        assert alice.post(page, form_of(late)).status_code == 302

        assert (step_of(workflow)["input"]["content"], step_of(workflow)["name"]) == ("First", "Renamed")

    def test_the_same_entered_twice_is_no_conflict(
        self, alice: Client, workflow: Workflow, page: str
    ) -> None:
        first, second = self.two_tabs(alice, page)

        assert alice.post(page, second | {"in-content": first["in-content"]}).status_code == 302

    def test_a_third_save_meanwhile_is_shown_too(self, alice: Client, workflow: Workflow, page: str) -> None:
        _, second = self.two_tabs(alice, page)
        late = alice.post(page, second | {"in-content": ["Second"]})
        authoring_changes(workflow, content="Third")

        later = alice.post(page, form_of(late))

        assert later.status_code == 409
        assert "Saved value Third" in text(later)

    def test_its_conditions_and_choices_are_compared_as_well(
        self, alice: Client, workflow: Workflow, page: str
    ) -> None:
        second = form_of(alice.get(page))
        some = {"match": "all", "rows": [["trigger.incident.urgency", "equals", "high"]]}
        authoring_changes(workflow, only_if=some, on_error="continue")

        late = alice.post(page, second | {"on_error": ["retry"]})

        found = {conflict.name: conflict for conflict in late.context["edit"].conflicts}
        assert set(found) == {"on_error", "only-if"}
        assert (found["on_error"].mine, found["on_error"].theirs) == ("retry", "continue")
        assert "trigger.incident.urgency equals high" in found["only-if"].theirs
        assert alice.post(page, form_of(late)).status_code == 302
        assert (step_of(workflow)["only_if"], step_of(workflow)["on_error"]) == (some, "retry")

    def test_a_step_that_was_removed_meanwhile_can_be_added_again(
        self, alice: Client, workflow: Workflow, page: str
    ) -> None:
        form = form_of(alice.get(page), in_content="Kept")
        lifecycle.change(
            actor=SYSTEM, workflow=workflow, name="Note", definition={"steps": [other(workflow)]}
        )

        late = alice.post(page, form)
        assert "This step was removed while you had it open." in text(late)
        assert form_of(late)["in-content"] == ["Kept"]

        assert alice.post(page, form_of(late)).status_code == 302
        stored = Workflow.objects.get(pk=workflow.pk).draft["steps"]
        assert [step["input"]["content"] for step in stored] == ["Other", "Kept"]


def other(workflow: Workflow) -> dict[str, Any]:
    connection = workflow.trigger.connection
    answer = {"from": DANA, "incident_id": "{{ trigger.incident.id }}", "content": "Other"}
    return note_step(connection, key="other", input=answer)


def authoring_changes(workflow: Workflow, content: str = "", **changes: Any) -> None:
    """As another person's save would."""
    workflow = Workflow.objects.get(pk=workflow.pk)
    step = {**workflow.draft["steps"][0], **changes}
    step["input"] = {**step["input"], **({"content": content} if content else {})}
    lifecycle.edit(
        actor=SYSTEM,
        workflow=workflow,
        change=lambda draft: {**draft, "steps": [step]},
        refuse=lambda detail: True,
    )


def test_conditions_show_both_and_keep_what_is_chosen(alice: Client, workflow: Workflow) -> None:
    page = reverse("workflows:conditions", args=[workflow.pk])
    tab = form_of(alice.get(page))
    urgent = {"match": "any", "rows": [["trigger.incident.urgency", "equals", "high"]]}
    definition = {**workflow.draft, "conditions": urgent}
    lifecycle.change(actor=SYSTEM, workflow=workflow, name="Note", definition=definition)
    mine = {"field": ["trigger.incident.title"], "operator": ["contains"], "value": ["Cards"]}

    late = alice.post(page, tab | mine)

    assert late.status_code == 409
    assert "trigger.incident.title contains Cards" in text(late)
    assert "trigger.incident.urgency equals high" in text(late)
    assert alice.post(page, form_of(late) | {"_take-conditions": ["theirs"]}).status_code == 302
    assert Workflow.objects.get().draft["conditions"] == urgent
    late = alice.post(page, tab | mine)
    assert alice.post(page, form_of(late)).status_code == 302
    assert Workflow.objects.get().draft["conditions"]["rows"] == [
        ["trigger.incident.title", "contains", "Cards"]
    ]


@pytest.fixture
def hook(workspace: Workspace, settings: Any) -> Hook:
    settings.HOOKS_ALLOW_PRIVATE = True
    made, _ = endpoints.create(
        actor=SYSTEM, workspace=workspace, name="Sink", url="http://127.0.0.1:1/", events=True, runs=True
    )
    return made


Page = tuple[str, str, Callable[[], Any]]


@pytest.fixture(
    params=[
        "workflow",
        "trigger",
        "redaction",
        "options",
        "hook",
        "connection",
        "workspace",
        "agency",
        "days",
    ]
)
def page(
    request: Any, workflow: Workflow, trigger: Trigger, connection: Connection, hook: Hook, who: People
) -> Page:
    """(its address, one of its fields, what is stored)."""
    fresh: dict[str, Page] = {
        "workflow": (
            reverse("workflows:rename", args=[workflow.pk]),
            "name",
            lambda: Workflow.objects.get().name,
        ),
        "trigger": (
            reverse("triggers:rename", args=[trigger.pk]),
            "name",
            lambda: Trigger.objects.get().name,
        ),
        "redaction": (
            reverse("triggers:redaction", args=[trigger.pk]),
            "others",
            lambda: "\n".join(Trigger.objects.get().redact),
        ),
        "options": (
            reverse("triggers:options", args=[trigger.pk]),
            "priorities",
            lambda: ", ".join(Trigger.objects.get().options.get("priorities", [])),
        ),
        "hook": (reverse("hooks:edit", args=[hook.pk]), "name", lambda: Hook.objects.get().name),
        "connection": (
            reverse("connections:change", args=[connection.pk]),
            "label",
            lambda: Connection.objects.get().label,
        ),
        "workspace": (
            reverse("connections:workspace_rename", args=[who.acme.pk]),
            "name",
            lambda: Workspace.objects.get(pk=who.acme.pk).name,
        ),
        "agency": (
            reverse("connections:agency"),
            "name",
            lambda: Account.objects.get(pk=who.agency.pk).name,
        ),
        "days": (
            reverse("data:change"),
            "days",
            lambda: str(Account.objects.get(pk=who.agency.pk).retention_days),
        ),
    }
    return fresh[request.param]


def test_every_form_that_two_tabs_can_have_open_shows_both(alice: Client, page: Page) -> None:
    path, name, stored = page
    first, second = ("100", "200") if name == "days" else ("event.data.one", "event.data.two")
    tab = form_of(alice.get(path))
    saved = alice.post(path, form_of(alice.get(path)) | {name: [first]})
    assert saved.status_code == 302, text(saved)
    assert first in stored()

    late = alice.post(path, tab | {name: [second]})

    assert late.status_code == 409, text(late)
    assert f"Your value {second} Saved value {first}" in text(late)
    assert first in stored()
    assert alice.post(path, form_of(late)).status_code == 302
    assert second in stored()


class TestTheOrder:
    def draft(self, alice: Client, workflow: Workflow) -> str:
        page = alice.get(reverse("workflows:edit", args=[workflow.pk]))
        return str(page.context["digest"])

    @pytest.mark.parametrize("what", ["later", "remove", "place"])
    def test_what_was_changed_meanwhile_is_neither_moved_nor_removed(
        self, alice: Client, workflow: Workflow, what: str
    ) -> None:
        seen = self.draft(alice, workflow)
        authoring_changes(workflow, content="Meanwhile")
        before = Workflow.objects.get().draft
        path = reverse(f"workflows:{what}", args=[workflow.pk, "note"])

        page = alice.post(path, {"_draft": seen, "place": "0"}, follow=True)

        assert "changed since this page was opened" in text(page)
        assert Workflow.objects.get().draft == before

    def test_nor_published_nor_overwritten_by_an_earlier_version(
        self, alice: Client, workflow: Workflow
    ) -> None:
        seen = self.draft(alice, workflow)
        authoring_changes(workflow, content="Meanwhile")
        for name, more in (("publish", []), ("roll_back", [1]), ("take_into_draft", [1])):
            path = reverse(f"workflows:{name}", args=[workflow.pk, *more])
            assert "changed since this page was opened" in text(
                alice.post(path, {"_draft": seen}, follow=True)
            )
        assert workflow.versions.count() == 1
        assert step_of(workflow)["input"]["content"] == "Meanwhile"
