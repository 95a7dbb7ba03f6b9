"""Threads and processes begin without a tenant; each entry point of the product opens the tenant scope it needs."""

import ast
import pydoc
import threading
from collections.abc import Callable, Iterator
from contextvars import Context
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core import mail, management
from django.core.management import call_command
from django.db import connection

import manage
from connections.mail import outbox
from connections.models import Grant
from core.crypto import sealed_with_newest_key
from core.db import tenant_scope
from tests.factories import SYSTEM, People, connect
from workflows import worker
from workflows.inbox import store
from workflows.models import Event, Hook, HookDelivery, Trigger
from workflows.triggers import lifecycle

ROOT = Path(settings.BASE_DIR)
QUEUED = (worker.drain, worker.send_hooks, worker.housekeeping, outbox.send_due)


@pytest.fixture
def trigger(who: People) -> Trigger:
    """A trigger without a workflow, so that its events make no request."""
    return lifecycle.create(
        actor=SYSTEM, connection=connect(who.acme), key="pagerduty/incident-triggered", name="New"
    )


@pytest.fixture
def event(trigger: Trigger) -> Event:
    store.store(
        trigger, body=b'{"event": {"id": "E1", "event_type": "incident.triggered", "data": {"id": "P1"}}}'
    )
    return Event.objects.get()


def scopes_of(act: Callable[[], Any]) -> set[tenant_scope.Scope]:
    """Return the scopes of the statements of `act`, which begins as a new process or thread does."""
    seen = set()

    def note(execute: Callable[..., Any], *statement: Any) -> Any:
        seen.add(tenant_scope.current())
        return execute(*statement)

    with connection.execute_wrapper(note):
        Context().run(act)
    return seen


def sources_with(text: str) -> Iterator[tuple[str, str]]:
    """Yield path and source of each module that contains the text."""
    for room in ("core", "connections", "workflows", "pagerduty_app", "taskjuice"):
        for path in (ROOT / room).rglob("*.py"):
            if text in (source := path.read_text()):
                yield str(path.relative_to(ROOT)), source


def named_tasks() -> Iterator[str]:
    """Yield the functions that modules queue by name."""
    for _, source in sources_with("wakeup.send("):
        constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
        names = (name for name in constants if isinstance(name, str) and "." in name)
        yield from (name for name in names if callable(pydoc.locate(name)))


def test_a_thread_begins_without_a_tenant() -> None:
    found: list[tenant_scope.Scope] = []
    thread = threading.Thread(target=lambda: found.append(tenant_scope.current()))
    thread.start()
    thread.join(10)

    assert tenant_scope.current() == tenant_scope.EVERYTHING  # of the tests, by tests/conftest.py
    assert found == [tenant_scope.NOTHING]
    assert tenant_scope.NOTHING.settings() == ("", "", "")


def test_tasks_are_queued_in_one_place() -> None:
    assert [path for path, _ in sources_with("async_task(")] == ["core/wakeup.py"]


def test_each_task_that_is_queued_is_tested_here() -> None:
    assert set(named_tasks()) == {f"{task.__module__}.{task.__name__}" for task in QUEUED}


@pytest.mark.parametrize("task", QUEUED)
def test_a_task_sees_every_tenant_and_leaves_the_scope_as_it_was(
    who: People, task: Callable[[], Any]
) -> None:
    assert scopes_of(task) == {tenant_scope.EVERYTHING}

    begun = Context()
    begun.run(task)
    assert begun.run(tenant_scope.current) == tenant_scope.NOTHING


def test_draining_fans_out_the_event_of_a_tenant(event: Event) -> None:
    assert Context().run(worker.drain) == 1

    event.refresh_from_db()
    assert event.status == "done"


def test_what_a_tenant_owes_to_an_endpoint_is_sent(who: People, event: Event) -> None:
    hook = Hook.objects.create(workspace=who.acme, name="Plain", url="http://127.0.0.1/", events=True)
    owed = HookDelivery.objects.create(
        workspace=who.acme, hook=hook, kind="event", event=event, lane="P1", next_attempt_at=event.received_at
    )

    assert Context().run(worker.send_hooks) == 1

    owed.refresh_from_db()
    assert (owed.attempts, owed.status) == (1, "waiting")  # the address is not https


@pytest.mark.parametrize("task", [worker.housekeeping, outbox.send_due])
def test_an_email_that_is_owed_is_sent(who: People, task: Callable[[], Any]) -> None:
    outbox.owe(kind="digest", to="alice@agency.example", subject="S", body="B", life=timedelta(days=1))

    Context().run(task)

    assert [one.to for one in mail.outbox] == [["alice@agency.example"]]


@pytest.mark.parametrize("name", ["migrate", "rotate_encryption"])
def test_a_command_that_would_do_harm_without_rows_sees_them_all(who: People, name: str) -> None:
    assert scopes_of(lambda: call_command(name, verbosity=0)) == {tenant_scope.EVERYTHING}


def test_rotation_outside_manage_py_reaches_the_secrets_of_tenants(who: People, settings: Any) -> None:
    grant = Grant.objects.get(connection=connect(who.acme))
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    assert not sealed_with_newest_key(grant, "access_token")

    Context().run(call_command, "rotate_encryption")

    grant.refresh_from_db()
    assert sealed_with_newest_key(grant, "access_token")


@pytest.mark.parametrize(
    ("command", "scope"),
    [
        (["shell"], tenant_scope.EVERYTHING),
        (["up", "--port", "8000"], tenant_scope.EVERYTHING),
        ([], tenant_scope.EVERYTHING),
        (["qcluster"], tenant_scope.NOTHING),
        (["runserver"], tenant_scope.NOTHING),
    ],
)
def test_manage_py_opens_the_scope_for_commands_and_not_for_servers(
    command: list[str], scope: tenant_scope.Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tenant_scope.Scope] = []
    monkeypatch.setattr("sys.argv", ["manage.py", *command])
    monkeypatch.setattr(
        management, "execute_from_command_line", lambda argv: found.append(tenant_scope.current())
    )

    Context().run(manage.main)

    assert found == [scope]
