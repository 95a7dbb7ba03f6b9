"""Versions: the list, what differs in words, going back, copies; on pages and over the API."""

from typing import Any

import pytest
import responses
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.connecting.revoke import revoke
from connections.models import AuditEvent, Connection, Workspace
from tests.factories import SYSTEM, Ask, People, asking, connect, incident_event, note_step, publish
from tests.support.browser import signed_in, text
from tests.support.present import present
from tests.workflows.pages.editor.drafting import Deliver
from workflows import worker
from workflows.authoring import diff as differences
from workflows.authoring import lifecycle
from workflows.models import Run, Trigger, Workflow

pytestmark = pytest.mark.django_db
HIGH = {"match": "all", "rows": [["trigger.incident.urgency", "equals", "high"]]}


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


@pytest.fixture
def two(trigger: Trigger, connection: Connection) -> Workflow:
    """Version 1 writes one note; version 2, which is published, another one, and only for urgent incidents."""
    workflow = publish(trigger, connection)
    change(workflow, connection, content="Read the runbook", conditions=HIGH)
    lifecycle.publish(actor=SYSTEM, workflow=workflow)
    return workflow


def change(workflow: Workflow, connection: Connection, content: str, **definition: Any) -> None:
    step = note_step(connection)
    step["input"] = {**step["input"], "content": content}
    lifecycle.change(
        actor=SYSTEM, workflow=workflow, name=workflow.name, definition={"steps": [step]} | definition
    )


def at(workflow: Workflow, name: str, *more: Any) -> str:
    return reverse(f"workflows:{name}", args=[workflow.pk, *more])


class TestDifferences:
    def step(self, key: str, **changes: Any) -> dict[str, Any]:
        return {
            "key": key,
            "name": key.title(),
            "connection": "c1",
            "action": "pagerduty/create-incident-note",
            "input": {"content": key},
        } | changes

    def between(self, old: list[Any], new: list[Any]) -> list[tuple[str, str, str]]:
        found = differences.between({"steps": old}, {"steps": new}, {"c1": "Acme", "c2": "Beta"}, trigger="")
        return [(one.part, one.what, one.kind) for one in found]

    def test_the_same_differs_in_nothing(self) -> None:
        assert self.between([self.step("a")], [self.step("a")]) == []

    @pytest.mark.parametrize(
        ("old", "new"), [("x" * 3_000 + "a", "x" * 3_000 + "b"), (["a", "b"], "a, b"), ("1", 1)]
    )
    def test_no_difference_is_too_far_on_or_too_small_to_be_said(self, old: Any, new: Any) -> None:
        steps = [[self.step("a", input={"content": value})] for value in (old, new)]
        found = differences.between({"steps": steps[0]}, {"steps": steps[1]}, {"c1": "Acme"}, trigger="")
        assert [one.kind for one in found] == ["changed"]
        assert found[0].before != found[0].after
        assert len(found[0].after) < 2_100

    def test_what_comes_and_goes(self) -> None:
        found = self.between([self.step("a")], [self.step("b")])
        assert found == [("A", "", "removed"), ("B", "", "added"), ("B", "Note", "added")]

    def test_only_what_really_moves_is_called_moved(self) -> None:
        steps = [self.step(key) for key in "abcd"]
        assert self.between(steps, [steps[3], *steps[:3]]) == [("D", "", "moved")]
        assert self.between(steps, steps[1:]) == [("A", "", "removed")]

    def test_every_setting_of_a_step(self) -> None:
        new = self.step(
            "a",
            name="Else",
            connection="c2",
            on_error="retry",
            only_if=HIGH,
            input={"content": "x", "from": "dana@acme.example"},
        )
        assert self.between([self.step("a")], [new]) == [
            ("Else", "Name", "changed"),
            ("Else", "Connection", "changed"),
            ("Else", "If the step fails", "changed"),
            ("Else", "Run condition", "added"),
            ("Else", "Note", "changed"),
            ("Else", "From", "added"),
        ]


def test_the_list_says_who_published_what_and_which_is_live(bob: Client, two: Workflow) -> None:
    bob.post(at(two, "publish"))

    rows = bob.get(at(two, "versions")).content.decode().partition("<tbody>")[2].split("</tr>")

    assert [">Published<" in row for row in rows[:3]] == [True, False, False]
    assert ["bob@bob.example" in row for row in rows[:3]] == [True, False, False]
    assert ["Restore…" in row for row in rows[:3]] == [False, True, True]


def test_the_list_asks_the_same_for_many_versions(bob: Client, two: Workflow) -> None:
    def asked() -> int:
        with CaptureQueriesContext(database) as queries:
            assert bob.get(at(two, "versions")).status_code == 200
        return len(queries)

    asked()
    before = asked()
    for _ in range(30):
        lifecycle.publish(actor=SYSTEM, workflow=two)
    assert asked() == before
    assert "page=2" in bob.get(at(two, "versions")).content.decode()


def test_the_difference_is_said_in_words_and_escaped(
    bob: Client, two: Workflow, connection: Connection
) -> None:
    page = text(bob.get(at(two, "difference"), {"from": 1, "to": 2}))
    assert "Changes from version 1 to version 2" in page
    assert "Incident urgency is high" in page
    assert "Read the runbook" in page

    change(two, connection, content="<script>alert(1)</script>")
    draft = bob.get(at(two, "difference"))
    assert "Changes from version 2 to the draft" in text(draft)
    assert b"<script>alert" not in draft.content


@pytest.mark.parametrize("query", [{"from": "9"}, {"to": "x"}, {"to": "-1"}, {"from": "99999999999999"}])
def test_versions_that_are_none_are_not_found(bob: Client, two: Workflow, query: dict[str, str]) -> None:
    assert bob.get(at(two, "difference"), query).status_code == 404


class TestGoingBack:
    def test_it_asks_then_publishes_what_was(
        self, bob: Client, two: Workflow, provider: responses.RequestsMock, deliver: Deliver
    ) -> None:
        deliver(incident_event())
        page = text(bob.get(at(two, "roll_back", 1)))
        assert "Restore version 1?" in page
        assert "Read the runbook" in page
        assert "overwrites the unpublished changes" not in page

        done = bob.post(at(two, "roll_back", 1), follow=True)

        two.refresh_from_db()
        assert two.live is not None
        assert two.live.number == 3
        assert "Version 3 published" in text(done)
        assert two.draft == two.live.definition == two.versions.get(number=1).definition
        worker.drain()
        deliver(incident_event(urgency="low"))
        worker.drain()
        assert [present(run.version).number for run in Run.objects.order_by("seq")] == [3, 3]
        assert AuditEvent.objects.get(action="workflow.rolled_back").detail["to"] == 1

    def test_runs_that_have_begun_keep_their_version(
        self, bob: Client, two: Workflow, provider: Any, deliver: Deliver
    ) -> None:
        deliver(incident_event())
        worker.drain()
        bob.post(at(two, "roll_back", 1))
        assert present(Run.objects.get().version).number == 2

    def test_a_draft_that_would_be_lost_is_named(
        self, bob: Client, two: Workflow, connection: Connection
    ) -> None:
        change(two, connection, content="Something new")
        assert "overwrites the unpublished changes" in text(bob.get(at(two, "roll_back", 1)))

    def test_what_cannot_be_published_any_more_changes_nothing_and_can_go_into_the_draft(
        self, bob: Client, who: People, two: Workflow, connection: Connection
    ) -> None:
        other = connect(who.acme, "Other")
        change(two, other, content="By the other")
        lifecycle.publish(actor=SYSTEM, workflow=two)
        revoke(actor=SYSTEM, connection=connection)
        Trigger.objects.update(deleted_at=None, status="active")
        before = Workflow.objects.values("draft", "live").get()

        refused = bob.post(at(two, "roll_back", 1))

        assert refused.status_code == 409
        assert "was revoked: choose another connection" in text(refused)
        assert Workflow.objects.values("draft", "live").get() == before
        assert two.versions.count() == 3
        answer = bob.post(at(two, "take_into_draft", 1))
        assert answer["Location"] == at(two, "edit")
        two.refresh_from_db()
        assert two.draft == two.versions.get(number=1).definition
        assert two.live is not None
        assert two.live.number == 3

    def test_archived_ones_and_strangers_do_not(self, bob: Client, who: People, two: Workflow) -> None:
        stranger = signed_in(who.charlie)
        ways = [at(two, "roll_back", 1), at(two, "take_into_draft", 1), at(two, "duplicate")]
        assert {stranger.post(way).status_code for way in ways} == {404}
        lifecycle.set_status(actor=SYSTEM, workflow=two, status="archived")
        assert {bob.post(way).status_code for way in ways[:2]} == {404}
        assert two.versions.count() == 2

    def test_an_archived_one_is_not_published_over_the_api(self, ask: Ask, two: Workflow) -> None:
        lifecycle.set_status(actor=SYSTEM, workflow=two, status="archived")
        for path, body in (("publish/", None), ("rollback/", {"version": 1})):
            answer = ask("post", f"workflows/{two.pk}/{path}", body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "archived")
        two.refresh_from_db()
        assert two.status == "archived"


def test_a_copy_is_a_draft_of_its_own(bob: Client, two: Workflow) -> None:
    Workflow.objects.update(name="N" * 120)
    answer = bob.post(at(two, "duplicate"))

    copy = Workflow.objects.exclude(pk=two.pk).get()
    assert answer["Location"] == at(copy, "edit")
    assert copy.name == "N" * 113 + " (copy)"
    assert (copy.status, copy.live, copy.draft) == ("draft", None, two.draft)


def test_a_copy_asked_for_twice_by_one_form_is_made_once(bob: Client, two: Workflow) -> None:
    page = bob.get(at(two, "detail")).content.decode()
    once = page.partition('name="_once" value="')[2][:32]
    first, second = (bob.post(at(two, "duplicate"), {"_once": once}) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Workflow.objects.count() == 2


def test_a_form_sent_twice_makes_one(bob: Client, trigger: Trigger) -> None:
    data = {"trigger": trigger.pk, "name": "Once", "_once": "a" * 32}
    first, second = (bob.post(reverse("workflows:add"), data) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Workflow.objects.count() == 1


class TestApi:
    def test_versions_differences_roll_back_and_copy(self, ask: Ask, two: Workflow) -> None:
        path = f"workflows/{two.pk}/"
        listed = ask("get", f"{path}versions/").json()["results"]
        assert [(one["number"], one["live"]) for one in listed] == [(2, True), (1, False)]
        first = ask("get", f"{path}versions/?limit=1").json()
        onwards = first["next"].partition("/api/v1/")[2]
        assert [one["number"] for one in first["results"] + ask("get", onwards).json()["results"]] == [2, 1]
        assert ask("get", f"{path}versions/1/").json()["definition"]["steps"][0]["key"] == "note"
        diff = ask("get", f"{path}diff/?from=1&to=2").json()["differences"]
        assert [(one["part"], one["kind"]) for one in diff] == [("Conditions", "added"), ("note", "changed")]
        assert ask("get", f"{path}diff/?from=2&to=draft").json() == {"differences": []}
        assert ask("post", f"{path}rollback/", {"version": 1}).json()["version"] == 3
        assert ask("post", f"{path}duplicate/").json()["status"] == "draft"

    @pytest.mark.parametrize("version", [0, 99, "one", 2**40])
    def test_no_such_version(self, ask: Ask, two: Workflow, version: Any) -> None:
        assert ask("post", f"workflows/{two.pk}/rollback/", {"version": version}).status_code in (400, 404)
        assert ask("get", f"workflows/{two.pk}/diff/?from={version}&to=draft").status_code == 404

    def test_a_key_without_the_scope_does_not(self, client: Client, who: People, two: Workflow) -> None:
        read = asking(client, who.acme, ["workflows:read"])
        assert read("get", f"workflows/{two.pk}/versions/").status_code == 200
        for path in ("rollback/", "duplicate/"):
            assert read("post", f"workflows/{two.pk}/{path}", {"version": 1}).status_code == 403
