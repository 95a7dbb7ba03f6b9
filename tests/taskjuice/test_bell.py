"""The bell: heard at once, rung once for many, and nothing lost where it is not heard."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connections, transaction
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from taskjuice.process import broker
from taskjuice.process.broker import Bell
from taskjuice.process.supervisor import Child
from taskjuice.process.watchdog import Watchdog
from tests.workflows.conftest import connection, deliver, incident_event, note_workflow, trigger, workspace
from workflows.models import Event
from workflows.queue import wakeup

# pytest takes fixtures over by name.
__all__ = ["connection", "deliver", "note_workflow", "trigger", "workspace"]
pytestmark = pytest.mark.django_db(transaction=True)
DATABASE = connections["default"]
NEVER = 3600.0


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bell]:
    """A worker's side of the bell that has begun to listen; it does not look up unless it hears something."""
    monkeypatch.setattr(broker, "_LONGEST_SILENCE", 0.0)
    monkeypatch.setattr(broker, "_DEAF_PAUSE", 0.0)
    made = get_broker()
    assert isinstance(made, Bell)
    assert made.dequeue() is None
    monkeypatch.setattr(broker, "_LONGEST_SILENCE", NEVER)
    yield made
    made._cover_ears()


def functions(rings: list[tuple[int, str]] | None) -> list[str]:
    return [SignedPackage.loads(payload)["func"] for _, payload in rings or []]


def ring_elsewhere() -> "subprocess.Popen[bytes]":
    """Another process that rings, a second from now."""
    given = settings.DATABASES["default"]
    url = f"sqlite:///{given['NAME']}"
    if DATABASE.vendor == "postgresql":
        host = f"{quote(given['HOST'] or '')}:{given['PORT'] or 5432}"
        url = f"postgres://{given['USER']}:{quote(given['PASSWORD'] or '')}@{host}/{given['NAME']}"
    code = "from workflows.queue import wakeup; wakeup.ring()"
    return subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=settings.BASE_DIR, env={**os.environ, "DATABASE_URL": url},
    )  # fmt: skip


@pytest.mark.slow
def test_what_another_process_commits_is_heard(listening: Bell) -> None:
    with ring_elsewhere() as other:
        heard = listening.dequeue()  # would wait for an hour

    assert other.returncode == 0
    assert functions(heard) == ["workflows.worker.drain"]


def test_a_ring_that_is_rolled_back_was_none(listening: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction.atomic():
        wakeup.ring()
        transaction.set_rollback(True)
    monkeypatch.setattr(broker, "_LONGEST_SILENCE", 0.0)

    assert listening.dequeue() is None


def test_rings_that_come_together_are_one_for_each_worker(listening: Bell) -> None:
    for _ in range(5):
        wakeup.ring()
        wakeup.ring_hooks()
        async_task("workflows.worker.housekeeping", save=False)

    heard = functions(listening.dequeue())

    assert sorted(heard) == [
        *["workflows.worker.drain"] * settings.TASK_WORKERS,
        "workflows.worker.housekeeping",
        "workflows.worker.send_hooks",
    ]
    assert not OrmQ.objects.exists()


def test_what_cannot_be_told_apart_is_not_merged(listening: Bell) -> None:
    for number in (1, 2):
        async_task("workflows.worker.drain", number, save=False)
        OrmQ.objects.create(key="taskjuice", payload=f"{number} of another SECRET_KEY")

    assert len(listening.dequeue() or []) == 4


def test_a_ring_for_others_is_left_to_them(listening: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
    OrmQ.objects.create(key="another cluster", payload="x")
    monkeypatch.setattr(broker, "_LONGEST_SILENCE", 0.0)

    assert listening.dequeue() is None
    assert OrmQ.objects.count() == 1


def _cut(ears: Any) -> None:
    """The database goes away and comes back: on PostgreSQL a restart, seen from one connection."""
    if DATABASE.vendor == "postgresql":
        [(pid,)] = ears.run("SELECT pg_backend_pid()")
        role = DATABASE.settings_dict["OPTIONS"].get("assume_role")
        with DATABASE.cursor() as cursor:
            cursor.execute("RESET ROLE")  # the role that the tests assume may not do this
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            if role:
                cursor.execute(f"SET ROLE {role}")
    else:
        ears._connection.connection.close()


@pytest.mark.slow
def test_it_listens_again_after_the_database_was_away(listening: Bell) -> None:
    _cut(listening._ears)
    assert listening.dequeue() is None, "it did not notice"

    with ring_elsewhere():
        heard = listening.dequeue() or listening.dequeue()

    assert functions(heard) == ["workflows.worker.drain"]


def test_a_database_that_stays_away_ends_nothing(listening: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
    listening._cover_ears()
    nowhere = {"sqlite": "/nowhere/at/all.sqlite3", "postgresql": "no_such_database"}[DATABASE.vendor]
    with monkeypatch.context() as away:
        away.setitem(connections["default"].settings_dict, "NAME", nowhere)
        assert [listening.dequeue(), listening.dequeue()] == [None, None]
    wakeup.ring()

    assert functions(listening.dequeue()) == ["workflows.worker.drain"]


@pytest.mark.usefixtures("note_workflow")
def test_an_event_that_no_ring_told_of_is_rung_for(listening: Bell, trigger: Any, deliver: Any) -> None:
    assert deliver(incident_event()).status_code == 202
    OrmQ.objects.all().delete()

    Watchdog(Child("workers", [], {})).look()

    assert "workflows.worker.drain" in functions(listening.dequeue())
    assert Event.objects.get().status == "queued"
