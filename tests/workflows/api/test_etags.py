"""ETag and If-Match: a change against an older state answers 412 and changes nothing; without it all is as before."""

from collections.abc import Callable
from typing import Any

import pytest

from connections.models import Connection, Workspace
from tests.factories import SYSTEM, Ask, note_step
from workflows.authoring import lifecycle as authoring
from workflows.models import Hook, Trigger, Workflow
from workflows.outgoing import endpoints
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


@pytest.fixture
def hook(workspace: Workspace, settings: Any) -> Hook:
    settings.HOOKS_ALLOW_PRIVATE = True
    made, _ = endpoints.create(
        actor=SYSTEM, workspace=workspace, name="Sink", url="http://127.0.0.1:1/", events=True, runs=True
    )
    return made


@pytest.fixture(params=["workflows", "triggers", "hooks"])
def path(request: Any, note_workflow: Workflow, trigger: Trigger, hook: Hook) -> str:
    row = {"workflows": note_workflow, "triggers": trigger, "hooks": hook}[request.param]
    return f"{request.param}/{row.pk}/"


def test_a_change_against_an_older_state_is_refused(ask: Ask, path: str) -> None:
    read = ask("get", path)
    first = ask("patch", path, {"name": "First"}, **{"If-Match": read["ETag"]})
    assert (first.status_code, first.json()["name"]) == (200, "First")
    assert first["ETag"] == ask("get", path)["ETag"] != read["ETag"]

    late = ask("patch", path, {"name": "Late"}, **{"If-Match": read["ETag"]})

    assert (late.status_code, late.json()["error"]["code"]) == (412, "precondition_failed")
    assert late.json()["error"]["detail"] == {"etag": first["ETag"]}
    assert ask("get", path).json()["name"] == "First"
    assert ask("patch", path, {"name": "Late"}, **{"If-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize("header", [{}, {"If-Match": "*"}], ids=["none", "any"])
def test_without_a_state_it_is_as_before(ask: Ask, path: str, header: dict[str, str]) -> None:
    ask("patch", path, {"name": "First"})

    assert ask("patch", path, {"name": "Second"}, **header).json()["name"] == "Second"


def test_several_tags_are_looked_through(ask: Ask, path: str) -> None:
    tag = ask("get", path)["ETag"]

    assert ask("patch", path, {"name": "New"}, **{"If-Match": f'"other", {tag}'}).status_code == 200
    assert ask("patch", path, {"name": "Newer"}, **{"If-Match": "nonsense"}).status_code == 412


def test_a_tag_that_a_compressing_proxy_made_weak_still_names_the_state(ask: Ask, path: str) -> None:
    seen = {"If-Match": f"W/{ask('get', path)['ETag']}"}

    assert ask("patch", path, {"name": "New"}, **seen).status_code == 200
    assert ask("patch", path, {"name": "Newer"}, **seen).status_code == 412


CHANGES: list[Callable[[Workflow, Connection], None]] = [
    lambda flow, on: authoring.set_pace(actor=SYSTEM, workflow=flow, max_runs_per_minute=9),
    lambda flow, on: authoring.set_status(actor=SYSTEM, workflow=flow, status="paused"),
    lambda flow, on: authoring.change(
        actor=SYSTEM, workflow=flow, name=flow.name, definition={"steps": [note_step(on, key="other")]}
    ),
]


@pytest.mark.parametrize("change", CHANGES, ids=["limit", "status", "draft"])
def test_whatever_was_changed_meanwhile_is_not_undone_nor_published(
    ask: Ask,
    note_workflow: Workflow,
    connection: Connection,
    change: Callable[[Workflow, Connection], None],
) -> None:
    path = f"workflows/{note_workflow.pk}/"
    seen = {"If-Match": ask("get", path)["ETag"]}
    change(note_workflow, connection)

    assert ask("patch", path, {"steps": []}, **seen).status_code == 412
    assert ask("post", f"{path}publish/", **seen).status_code == 412
    assert note_workflow.versions.count() == 1


def test_a_trigger_is_not_deleted_that_was_changed_meanwhile(ask: Ask, trigger: Trigger) -> None:
    path = f"triggers/{trigger.pk}/"
    seen = {"If-Match": ask("get", path)["ETag"]}
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"redact": ["event.data.title"]})

    assert ask("delete", path, **seen).status_code == 412
    assert ask("get", path).status_code == 200
