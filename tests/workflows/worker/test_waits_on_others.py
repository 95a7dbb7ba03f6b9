"""Software elsewhere that hangs: events of other workspaces fan out and their runs go on meanwhile."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.conf import settings as project_settings
from django.utils import timezone

from connections.mail import outbox
from connections.models import Connection, Grant, Notice, Workspace
from pagerduty_app.oauth.scopes import WEBHOOKS
from tests.factories import API, SYSTEM, add_note, publish
from tests.support.http_sinks import Listener
from tests.support.mail_server import lead_to
from tests.support.worker_threads import PATIENCE, until, worker_threads
from tests.workflows.queue.test_fair_scheduling import another, events
from workflows import worker
from workflows.models import Deadline, HookDelivery, Run, Subscription, Trigger, Watch
from workflows.outgoing import endpoints
from workflows.queue import in_flight
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db(transaction=True)
IDENTITY = project_settings.PAGERDUTY_IDENTITY_URL


@pytest.fixture(autouse=True)
def _worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with worker_threads(monkeypatch):
        yield


class Provider:
    """PagerDuty, which takes notes, and hangs at everything else until it may answer. asked: what it hung at."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.answers = threading.Event()
        self.asked: list[str] = []
        self.at_once: dict[str, int] = {}
        self.most_at_once = 0
        self._lock = threading.Lock()
        add_note(mock, "PLATE")
        for path in ("schedules", "v3/schedules", "webhook_subscriptions", "incidents/PLATEST"):
            mock.add_callback("GET", re.compile(f"{API}/{path}"), self._hang)
        mock.add_callback("POST", f"{IDENTITY}/oauth/token", self._hang)

    def _hang(self, request: Any) -> tuple[int, dict[str, str], str]:
        token = request.headers.get("Authorization", "")
        with self._lock:
            self.asked.append(request.url)
            self.at_once[token] = self.at_once.get(token, 0) + 1
            self.most_at_once = max(self.most_at_once, self.at_once[token])
        self.answers.wait(PATIENCE)
        with self._lock:
            self.at_once[token] -= 1
        return 503, {}, '{"error": {"message": "It was slow, and failed."}}'


@pytest.fixture
def provider(pagerduty: responses.RequestsMock) -> Iterator[Provider]:
    pagerduty.add_passthru("http://127.0.0.1")
    made = Provider(pagerduty)
    yield made
    made.answers.set()


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A server that takes connections, and says nothing on them."""
    made = Listener(monkeypatch)
    yield made
    made.close()


def watched(connection: Connection, schedule: str) -> Watch:
    options = {"schedule_id": schedule}
    key = "pagerduty/on-call-changed"
    made = lifecycle.create(actor=SYSTEM, connection=connection, key=key, name=schedule, options=options)
    return Watch.objects.get(trigger=made)


def look(connection: Connection) -> None:
    watched(connection, "PSCHED")


def tend(connection: Connection) -> None:
    Grant.objects.update(scopes_granted=[*Grant.objects.get().scopes_granted, *WEBHOOKS.scopes])
    key = "pagerduty/incident-triggered"
    made = lifecycle.create(actor=SYSTEM, connection=connection, key=key, name="With a webhook")
    Subscription.objects.get_or_create(trigger=made)


def check(connection: Connection) -> None:
    """A deadline that has passed."""
    key, now = "pagerduty/incident-not-acknowledged", timezone.now()
    options = {"minutes": 1}
    made = lifecycle.create(actor=SYSTEM, connection=connection, key=key, name="Overdue", options=options)
    since = now - timedelta(hours=1)
    Deadline.objects.create(
        trigger=made, subject="PLATEST", since=since, told_at=since, due_at=now, next_attempt_at=now
    )


def refresh(connection: Connection) -> None:
    Grant.objects.filter(connection=connection).update(next_refresh_at=timezone.now())


def run_beside(hanging: Callable[[], bool]) -> None:
    """An event of another workspace, and its run: they go on while something hangs."""
    other = another("Other")
    publish(other, other.connection)
    events(other, ["PLATE"])

    worker.drain()

    until(lambda: Run.objects.filter(workspace=other.workspace_id, status="completed").exists())
    assert hanging()


@pytest.mark.parametrize(
    ("begin", "path"),
    [(look, "schedules"), (tend, "webhook_sub"), (check, "incidents/PLATEST"), (refresh, "oauth/token")],
)
def test_a_provider_that_hangs(
    provider: Provider, connection: Connection, begin: Callable[[Connection], None], path: str
) -> None:
    begin(connection)

    for _ in range(2):  # the second time it is under way
        worker.drain()
        worker.housekeeping()
    until(lambda: bool(provider.asked))

    run_beside(lambda: sum(provider.at_once.values()) == 1)
    assert [path in url for url in provider.asked] == [True]

    provider.answers.set()
    until(lambda: not any(provider.at_once.values()))
    leased = [row for model in (Watch, Subscription, Deadline, Grant) for row in model.objects.all()]
    until(lambda: all(row.lease_until is None for row in _anew(leased)))


def _anew(rows: list[Any]) -> Iterator[Any]:
    return (type(row).objects.get(pk=row.pk) for row in rows)


def test_a_webhook_endpoint_that_hangs(
    provider: Provider, trigger: Trigger, workspace: Workspace, silent: Listener, settings: Any
) -> None:
    settings.HOOKS_ALLOW_PRIVATE = True
    url = f"http://127.0.0.1:{silent.port}/"
    hook, _ = endpoints.create(
        actor=SYSTEM, workspace=workspace, name="Sink", url=url, events=True, runs=False
    )
    (seq,) = events(trigger, ["PHOOK"])
    owed = HookDelivery.objects.create(
        workspace=workspace,
        hook=hook,
        kind="event",
        event_id=seq,
        lane="PHOOK",
        next_attempt_at=timezone.now(),
    )

    for _ in range(2):
        assert worker.send_hooks() == 0
    until(lambda: silent.connections == 1)

    run_beside(lambda: HookDelivery.objects.get(pk=owed.pk).lease_until is not None)

    silent.close()
    until(lambda: HookDelivery.objects.get(pk=owed.pk).lease_until is None)
    assert silent.connections == 1
    assert HookDelivery.objects.get(pk=owed.pk).tries[0]["error"]


@pytest.mark.parametrize("task", [worker.housekeeping, outbox.send_due])
def test_a_mail_server_that_hangs(
    provider: Provider, silent: Listener, settings: Any, task: Callable[[], object]
) -> None:
    lead_to(settings, silent.port)
    outbox.owe(kind="test", to="a@a.example", subject="S", body="B", life=timedelta(days=1))

    for _ in range(2):
        task()
    until(lambda: silent.connections == 1)

    run_beside(lambda: Notice.objects.get().error == "")

    silent.close()
    until(lambda: Notice.objects.get().error == outbox.SERVER_AWAY)
    assert Notice.objects.get().attempts == 1


def test_two_watches_of_a_connection_keep_to_its_bound_and_no_other_waits_for_them(
    provider: Provider, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "PER_CONNECTION", 1)
    rows = [watched(connection, name) for name in ("PONE", "PTWO")]
    worker.drain()
    until(lambda: len(provider.asked) == 1)

    rows.append(watched(another("Other").connection, "POTHER"))
    worker.drain()
    until(lambda: len(provider.asked) == 2)
    assert "POTHER" in provider.asked[1]

    provider.answers.set()
    until(lambda: all(row.trouble is not None and row.lease_until is None for row in _anew(list(rows))))
    assert provider.most_at_once == 1
