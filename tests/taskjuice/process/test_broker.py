"""Wake-ups are received at once and merged, and nothing is lost where one is."""

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
from taskjuice.process.broker import WakeupBroker
from taskjuice.process.supervisor import Child
from taskjuice.process.watchdog import Watchdog
from tests.factories import incident_event
from workflows.models import Event
from workflows.queue import wakeup

pytestmark = pytest.mark.django_db(transaction=True)
DATABASE = connections["default"]
NEVER = 3600.0


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[WakeupBroker]:
    """A worker's broker that listens; it does not read the table without a notification."""
    monkeypatch.setattr(broker, "_LONGEST_SILENCE", 0.0)
    monkeypatch.setattr(broker, "_RECONNECT_PAUSE", 0.0)
    made = get_broker()
    assert isinstance(made, WakeupBroker)
    assert made.dequeue() is None
    monkeypatch.setattr(broker, "_LONGEST_SILENCE", NEVER)
    yield made
    made._close_listener()


def functions(wakeups: list[tuple[int, str]] | None) -> list[str]:
    return [SignedPackage.loads(payload)["func"] for _, payload in wakeups or []]


def wake_elsewhere() -> "subprocess.Popen[bytes]":
    """Another process that sends a wake-up, a second from now."""
    given = settings.DATABASES["default"]
    url = f"sqlite:///{given['NAME']}"
    if DATABASE.vendor == "postgresql":
        host = f"{quote(given['HOST'] or '')}:{given['PORT'] or 5432}"
        url = f"postgres://{given['USER']}:{quote(given['PASSWORD'] or '')}@{host}/{given['NAME']}"
    code = "from workflows.queue import wakeup; wakeup.wake_workers()"
    return subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=settings.BASE_DIR, env={**os.environ, "DATABASE_URL": url},
    )  # fmt: skip


@pytest.mark.slow
def test_a_wakeup_of_another_process_is_received_at_once(listening: WakeupBroker) -> None:
    with wake_elsewhere() as other:
        received = listening.dequeue()  # would wait for an hour

    assert other.returncode == 0
    assert functions(received) == ["workflows.worker.drain"]


def test_a_wakeup_that_is_rolled_back_is_not_sent(
    listening: WakeupBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction.atomic():
        wakeup.wake_workers()
        transaction.set_rollback(True)
    monkeypatch.setattr(broker, "_LONGEST_SILENCE", 0.0)

    assert listening.dequeue() is None


def test_wakeups_that_wait_are_merged_to_one_for_each_worker(listening: WakeupBroker) -> None:
    for _ in range(5):
        wakeup.wake_workers()
        wakeup.wake_sender()
        async_task("workflows.worker.housekeeping", save=False)

    received = functions(listening.dequeue())

    assert sorted(received) == [
        *["workflows.worker.drain"] * settings.TASK_WORKERS,
        "workflows.worker.housekeeping",
        "workflows.worker.send_hooks",
    ]
    assert not OrmQ.objects.exists()


def test_wakeups_with_arguments_or_unreadable_are_not_merged(listening: WakeupBroker) -> None:
    for number in (1, 2):
        async_task("workflows.worker.drain", number, save=False)
        OrmQ.objects.create(key="taskjuice", payload=f"{number} of another SECRET_KEY")

    assert len(listening.dequeue() or []) == 4


def test_a_wakeup_of_another_cluster_is_left_to_it(
    listening: WakeupBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    OrmQ.objects.create(key="another cluster", payload="x")
    monkeypatch.setattr(broker, "_LONGEST_SILENCE", 0.0)

    assert listening.dequeue() is None
    assert OrmQ.objects.count() == 1


def _cut(listener: Any) -> None:
    """The database goes away and comes back: on PostgreSQL a restart, seen from one connection."""
    if DATABASE.vendor == "postgresql":
        [(pid,)] = listener.run("SELECT pg_backend_pid()")
        role = DATABASE.settings_dict["OPTIONS"].get("assume_role")
        with DATABASE.cursor() as cursor:
            cursor.execute("RESET ROLE")  # the role that the tests assume may not do this
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            if role:
                cursor.execute(f"SET ROLE {role}")
    else:
        listener._connection.connection.close()


@pytest.mark.slow
def test_it_listens_again_after_the_database_was_away(listening: WakeupBroker) -> None:
    _cut(listening._listener)
    assert listening.dequeue() is None, "it did not notice"

    with wake_elsewhere():
        received = listening.dequeue() or listening.dequeue()

    assert functions(received) == ["workflows.worker.drain"]


def test_a_database_that_stays_away_ends_nothing(
    listening: WakeupBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening._close_listener()
    nowhere = {"sqlite": "/nowhere/at/all.sqlite3", "postgresql": "no_such_database"}[DATABASE.vendor]
    with monkeypatch.context() as away:
        away.setitem(connections["default"].settings_dict, "NAME", nowhere)
        assert [listening.dequeue(), listening.dequeue()] == [None, None]
    wakeup.wake_workers()

    assert functions(listening.dequeue()) == ["workflows.worker.drain"]


@pytest.mark.usefixtures("note_workflow")
def test_the_watchdog_wakes_a_worker_for_an_event_without_a_wakeup(
    listening: WakeupBroker, trigger: Any, deliver: Any
) -> None:
    assert deliver(incident_event()).status_code == 202
    OrmQ.objects.all().delete()

    Watchdog(Child("workers", [], {})).look()

    assert "workflows.worker.drain" in functions(listening.dequeue())
    assert Event.objects.get().status == "queued"
