"""Hooks over the API."""

import uuid
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from standardwebhooks import Webhook

from connections.models import Account, AuditEvent, Workspace
from tests.factories import Ask, arrive, asking
from tests.support.http_sinks import sink
from workflows import worker
from workflows.models import Hook, HookDelivery, Trigger

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _local(settings: Any) -> None:
    settings.HOOKS_ALLOW_PRIVATE = True


URL = "http://127.0.0.1:1/in?token=canary"


def made(ask: Ask, **body: Any) -> dict[str, Any]:
    answer = ask("post", "hooks/", {"name": "Sink", "url": URL} | body)
    assert answer.status_code == 201, answer.content
    data: dict[str, Any] = answer.json()
    return data


def test_a_hook_from_its_making_to_its_end(ask: Ask, trigger: Trigger) -> None:
    with sink() as server:
        hook = made(ask, url=server.url, runs=True, trigger=str(trigger.pk))
        path = f"hooks/{hook['id']}/"
        assert hook["secret"].startswith("whsec_")
        seen = ask("get", path)
        assert "secret" not in seen.json()
        assert seen.json() == {name: value for name, value in hook.items() if name != "secret"}
        assert ask("get", "hooks/").json()["results"] == [seen.json()]

        tested = ask("post", f"{path}test/")
        assert (tested.status_code, tested.json()["kind"]) == (201, "test")
        worker.send_hooks()
        Webhook(hook["secret"]).verify(server.bodies[0], server.headers[0])
        (row,) = ask("get", f"{path}deliveries/").json()["results"]
        assert (row["id"], row["status"]) == (tested.json()["id"], "delivered")
        assert row["tries"][0]["status"] == 204

    changed = ask("patch", path, {"name": "Renamed", "status": "paused", "trigger": None, "runs": False})
    assert changed.json()["name"] == "Renamed"
    assert (changed.json()["status"], changed.json()["trigger"]) == ("paused", None)
    assert ask("post", f"{path}test/").status_code == 409
    assert ask("delete", path).status_code == 204
    assert ask("get", path).status_code == 404
    assert ask("get", "hooks/").json()["results"] == []


def test_a_rotation_answers_the_new_secret_once(ask: Ask) -> None:
    hook = made(ask)
    answer = ask("post", f"hooks/{hook['id']}/secrets/", {"overlap_hours": 1})
    assert answer.status_code == 201
    assert answer.json()["secret"] not in ("", hook["secret"])
    newest, before = ask("get", f"hooks/{hook['id']}/").json()["secrets"]
    assert newest["expires_at"] is None
    assert before["expires_at"] is not None
    assert ask("post", f"hooks/{hook['id']}/secrets/", {"overlap_hours": 1000}).status_code == 400


def test_a_dead_letter_is_replayed(ask: Ask, trigger: Trigger) -> None:
    hook = made(ask)
    arrive(trigger)
    delivery = HookDelivery.objects.get()
    path = f"hooks/{hook['id']}/deliveries/{delivery.id}/replay/"
    assert ask("post", path).status_code == 409
    HookDelivery.objects.update(status="dead", attempts=10, next_attempt_at=None)
    assert ask("get", f"hooks/{hook['id']}/deliveries/?status=dead").json()["results"][0]["id"] == str(
        delivery.id
    )
    answer = ask("post", path)
    assert (answer.status_code, answer.json()["status"], answer.json()["attempts"]) == (200, "waiting", 0)


def _system() -> Any:
    from tests.factories import SYSTEM

    return SYSTEM


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"events": False, "runs": False}, "events"),
        ({"url": "ftp://127.0.0.1/"}, "url"),
        ({"url": 7}, "url"),
        ({"url": "x" * 2001}, "url"),
        ({"url": "http://a\u0000b/"}, "url"),
        ({"name": ""}, "name"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_is_wrong_is_named(ask: Ask, body: dict[str, Any], field: str) -> None:
    answer = ask("post", "hooks/", {"name": "Sink", "url": URL} | body)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]


def test_a_hook_hands_on_nothing_that_its_maker_may_not_see(client: Any, workspace: Workspace) -> None:
    ask = asking(client, workspace, ["hooks:read", "hooks:write", "triggers:read"])
    hook = made(ask)
    for answer in (
        ask("post", "hooks/", {"name": "Runs", "url": URL, "runs": True}),
        ask("patch", f"hooks/{hook['id']}/", {"runs": True}),
    ):
        assert answer.status_code == 403
        assert answer.json()["error"]["detail"] == {"scope": "workflows:read"}


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("get", "hooks/", "hooks:read"),
        ("post", "hooks/", "hooks:write"),
        ("get", "hooks/{}/", "hooks:read"),
        ("patch", "hooks/{}/", "hooks:write"),
        ("delete", "hooks/{}/", "hooks:write"),
        ("post", "hooks/{}/secrets/", "hooks:write"),
        ("post", "hooks/{}/test/", "hooks:write"),
        ("get", "hooks/{}/deliveries/", "hooks:read"),
    ],
)
def test_a_key_without_the_scope_is_403(
    client: Any, workspace: Workspace, method: str, path: str, scope: str
) -> None:
    ask = asking(client, workspace, ["triggers:read", "workflows:write"])
    answer = ask(method, path.format(uuid.uuid4()), {})
    assert (answer.status_code, answer.json()["error"]["detail"]) == (403, {"scope": scope})


def test_a_trigger_of_another_workspace_is_not_there(ask: Ask, client: Any, trigger: Trigger) -> None:
    account = Account.objects.create(name="Other")
    stranger = asking(client, Workspace.objects.create(account=account, name="Theirs"))
    answer = stranger("post", "hooks/", {"name": "x", "url": URL, "trigger": str(trigger.pk)})
    assert answer.status_code == 404


def test_a_workspace_has_a_bounded_number_of_hooks(ask: Ask, workspace: Workspace) -> None:
    Hook.objects.bulk_create(Hook(workspace=workspace, name=str(n), url=URL) for n in range(20))
    answer = ask("post", "hooks/", {"name": "One more", "url": URL})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_hooks")


def test_the_audit_names_the_server_and_never_the_address(ask: Ask) -> None:
    hook = made(ask)
    ask("patch", f"hooks/{hook['id']}/", {"url": f"{URL}2"})
    ask("post", f"hooks/{hook['id']}/secrets/", {})
    said = str([(event.action, event.detail) for event in AuditEvent.objects.all()])
    assert "hook.created" in said
    assert "127.0.0.1" in said
    assert "canary" not in said
    assert "whsec_" not in said


@pytest.mark.parametrize("path", ["hooks/", "hooks/{}/deliveries/"])
def test_lists_take_as_many_queries_for_many_rows_as_for_few(ask: Ask, trigger: Trigger, path: str) -> None:
    hook = made(ask)
    path = path.format(hook["id"])

    def more(count: int) -> int:
        for _ in range(count):
            made(ask, trigger=str(trigger.pk))
            arrive(trigger)
        with CaptureQueriesContext(database) as queries:
            assert ask("get", path).status_code == 200
        return len(queries)

    ask("get", path)
    assert more(1) == more(8)
