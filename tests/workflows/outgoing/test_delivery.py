"""What is owed to an endpoint arrives: in order, signed, retried after every kind of failure."""

import json
import random
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from connections.models import Connection, Workspace
from core.errors import Problem
from tests.factories import SYSTEM, add_note, incident_event, publish
from tests.support.http_sinks import Listener, Sink, sink
from tests.support.present import present
from workflows import worker
from workflows.inbox import store
from workflows.models import Event, Hook, HookDelivery, HookSecret, HookSender, Run, Trigger, Workflow
from workflows.outgoing import attempt as delivery
from workflows.outgoing import endpoints, log_retention, payloads, retry_schedule, sender
from workflows.outgoing.transport import http
from workflows.queue import wakeup
from workflows.runs import control, parking

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _short(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sinks are local here, and half a second is as good as fifteen."""
    settings.HOOKS_ALLOW_PRIVATE = True
    monkeypatch.setattr(http, "SECONDS", 0.5)
    monkeypatch.setattr(delivery, "_HELD_TIMES", 0)


@pytest.fixture
def server() -> Iterator[Sink]:
    with sink() as made:
        yield made


def subscribe(workspace: Workspace, url: str, **what: Any) -> tuple[Hook, str]:
    fields = {"events": True, "runs": False} | what
    return endpoints.create(actor=SYSTEM, workspace=workspace, name="Sink", url=url, **fields)


def arrive(trigger: Trigger, incident: str, number: int) -> Event:
    """The `number`-th thing that happens to an incident."""
    body = json.dumps(incident_event(incident=incident, title=f"{incident} {number}")).encode()
    store.store(trigger, body=body)
    return Event.objects.latest("seq")


def all_due() -> None:
    """Make everything that waits due now; leases and holds stay."""
    HookDelivery.objects.filter(status="waiting").update(next_attempt_at=timezone.now())


def days_pass() -> None:
    """Date first attempts four days back, and last attempts an hour."""
    now = timezone.now()
    tried = HookDelivery.objects.filter(first_tried_at__isnull=False)
    tried.update(first_tried_at=now - timedelta(days=4), tried_at=now - timedelta(hours=1))


def send_all() -> None:
    while worker.send_hooks():
        pass


def titles(server: Sink, incident: str) -> list[str]:
    """What the sink took of an incident, in the order in which it first took each."""
    seen: dict[str, str] = {}
    for message_id, message in server.took:
        if message["data"]["lane"] == incident:
            seen.setdefault(message_id, message["data"]["payload"]["event"]["data"]["title"])
    return list(seen.values())


ILL = [
    "fails",
    "hangs",
    "drips",
    "drips_headers",
    "drips_without_end",
    "redirects",
    "floods",
    "hangs_up",
]


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(mode, marks=pytest.mark.slow) if mode.startswith(("hangs", "drips")) else mode
        for mode in ILL
    ],
)
def test_an_ill_sink_has_every_event_in_order_once_it_is_well(
    workspace: Workspace, trigger: Trigger, server: Sink, mode: str
) -> None:
    hook, _ = subscribe(workspace, server.url)
    server.mode = mode
    for number in range(4):
        for incident in ("PA", "PB", "PC"):
            arrive(trigger, incident, number)
        all_due()
        worker.send_hooks()
    assert server.took == []
    assert not HookDelivery.objects.exclude(status="waiting").exists()
    hook.refresh_from_db()
    assert hook.failing_since

    server.mode = "well"
    all_due()
    send_all()

    for incident in ("PA", "PB", "PC"):
        assert titles(server, incident) == [f"{incident} {number}" for number in range(4)]
    assert {row.status for row in HookDelivery.objects.all()} == {"delivered"}
    hook.refresh_from_db()
    assert hook.failing_since is None
    assert server.redirected == 0
    # The sockets' own buffers take some megabytes before a sender notices that no one reads.
    assert server.flooded < 64 * 1024 * 1024 * len(server.asked)


@pytest.mark.slow
def test_a_sink_that_goes_through_every_illness_misses_nothing(
    workspace: Workspace, trigger: Trigger, server: Sink
) -> None:
    subscribe(workspace, server.url)
    for number, mode in enumerate([*ILL, "well"]):
        server.mode = mode
        arrive(trigger, "PA", number)
        arrive(trigger, "PB", number)
        all_due()
        worker.send_hooks()
    send_all()

    for incident in ("PA", "PB"):
        assert titles(server, incident) == [f"{incident} {number}" for number in range(len(ILL) + 1)]


def test_a_server_that_never_finishes_the_tls_handshake_is_cut(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(monkeypatch)
    hook, _ = subscribe(workspace, f"https://127.0.0.1:{listener.port}/")
    endpoints.send_test(actor=SYSTEM, hook=hook)

    worker.send_hooks()

    listener.close()
    row = HookDelivery.objects.get()
    assert (row.status, row.tries[0]["error"]) == ("dead", "timed_out")


def test_a_resolver_without_an_end_is_cut_and_nothing_is_sent_when_it_answers_at_last(
    workspace: Workspace, server: Sink, monkeypatch: Any
) -> None:
    look_up = socket.getaddrinfo

    def slow(*args: Any, **kwargs: Any) -> Any:
        time.sleep(1.2)
        return look_up(*args, **kwargs)

    hook, _ = subscribe(workspace, server.url)
    endpoints.send_test(actor=SYSTEM, hook=hook)
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    worker.send_hooks()
    time.sleep(1)

    assert HookDelivery.objects.get().tries[0]["error"] == "timed_out"
    assert server.took == []


@pytest.mark.slow
def test_a_hanging_hook_keeps_no_other_waiting(
    workspace: Workspace, trigger: Trigger, server: Sink, monkeypatch: Any
) -> None:
    monkeypatch.setattr(http, "SECONDS", 3.0)
    with sink() as ill:
        ill.mode = "hangs"
        subscribe(workspace, ill.url)
        subscribe(workspace, server.url)
        for number in range(8):
            arrive(trigger, f"P{number}", 0)

        sender.send_due(budget=2.5)

        assert len(server.took) == 8
        assert len(ill.asked) <= sender.MOST_OF_ONE_HOOK


def test_a_slow_failing_hook_waits_in_turn(
    workspace: Workspace, trigger: Trigger, server: Sink, monkeypatch: Any
) -> None:
    monkeypatch.setattr(delivery, "_HELD_TIMES", 4)
    monkeypatch.setattr(delivery, "_SLOW_SECONDS", 0.1)
    hook, _ = subscribe(workspace, server.url)
    server.mode = "hangs"
    arrive(trigger, "PA", 0)
    worker.send_hooks()
    all_due()

    hook.refresh_from_db()
    assert present(hook.held_until) > timezone.now() + timedelta(seconds=1)
    assert not sender.anything_due()
    assert worker.send_hooks() == 0


def test_the_schedule_takes_at_least_76_hours_with_jitter() -> None:
    for seed in range(50):
        random.seed(seed)
        passed, attempt = timedelta(), 1
        while wait := retry_schedule.wait_after(attempt, passed):
            passed, attempt = passed + wait, attempt + 1
        assert attempt == retry_schedule.MAX_ATTEMPTS
        assert timedelta(hours=76) < passed < timedelta(hours=76 * 1.3)
    assert len({retry_schedule.wait_after(5, timedelta(hours=8)) for _ in range(20)}) > 1


def test_after_the_schedule_a_dead_letter_lets_its_lane_go_on_and_is_replayed_by_one_act(
    workspace: Workspace, trigger: Trigger, server: Sink
) -> None:
    subscribe(workspace, server.url)
    server.mode = "fails"
    arrive(trigger, "PA", 0)
    arrive(trigger, "PA", 1)
    for number in range(retry_schedule.MAX_ATTEMPTS):
        if number == retry_schedule.MAX_ATTEMPTS - 1:
            days_pass()
        all_due()
        sender.send_due(budget=0.05)
    first, second = HookDelivery.objects.order_by("seq")
    assert (first.status, first.attempts, len(first.tries)) == ("dead", 10, 10)
    assert second.status == "waiting"

    server.mode = "well"
    all_due()
    send_all()
    assert titles(server, "PA") == ["PA 1"]

    endpoints.replay_one(actor=SYSTEM, delivery=first)
    send_all()
    assert titles(server, "PA") == ["PA 1", "PA 0"]
    with pytest.raises(Problem):
        endpoints.replay_one(actor=SYSTEM, delivery=first)


def test_a_message_that_alone_is_refused_is_neither_tried_at_each_success_nor_given_up_early(
    workspace: Workspace, trigger: Trigger, server: Sink
) -> None:
    subscribe(workspace, server.url)
    server.poison = "PBAD"
    arrive(trigger, "PBAD", 0)
    worker.send_hooks()
    bad = HookDelivery.objects.get()
    for number in range(5):
        arrive(trigger, f"P{number}", 0)
        worker.send_hooks()
    assert server.asked.count(str(bad.id)) == 1

    for _ in range(15):
        all_due()
        sender.send_due(budget=0.05)
    bad.refresh_from_db()
    assert (bad.status, bad.attempts) == ("waiting", 16)
    assert present(bad.next_attempt_at) > timezone.now() + timedelta(hours=25)


def test_what_waits_follows_at_once_when_the_sink_is_well_again(
    workspace: Workspace, trigger: Trigger, server: Sink
) -> None:
    subscribe(workspace, server.url)
    server.mode = "fails"
    for number in range(4):
        arrive(trigger, f"P{number}", 0)
    worker.send_hooks()
    days_pass()
    HookDelivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=9))

    server.mode = "well"
    arrive(trigger, "PNEW", 0)
    send_all()

    assert not HookDelivery.objects.exclude(status="delivered").exists()


def test_each_wait_is_the_schedules(workspace: Workspace, trigger: Trigger, server: Sink) -> None:
    subscribe(workspace, server.url)
    server.mode = "fails"
    arrive(trigger, "PA", 0)
    worker.send_hooks()
    row = HookDelivery.objects.get()
    assert timedelta(seconds=3) < present(row.next_attempt_at) - timezone.now() < timedelta(seconds=7)
    assert worker.send_hooks() == 0


def test_every_message_is_signed_and_during_a_rotation_by_both_secrets(
    workspace: Workspace, server: Sink
) -> None:
    hook, old = subscribe(workspace, server.url)

    def headers() -> tuple[bytes, dict[str, str]]:
        endpoints.send_test(actor=SYSTEM, hook=hook)
        send_all()
        return server.bodies[-1], server.headers[-1]

    body, sent = headers()
    Webhook(old).verify(body, sent)
    assert len(sent["webhook-signature"].split()) == 1

    _, new = endpoints.rotate(actor=SYSTEM, hook=hook)
    body, sent = headers()
    Webhook(old).verify(body, sent)
    Webhook(new).verify(body, sent)
    assert len(sent["webhook-signature"].split()) == 2
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", sent)

    HookSecret.objects.filter(expires_at__isnull=False).update(expires_at=timezone.now())
    body, sent = headers()
    Webhook(new).verify(body, sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, sent)
    log_retention.prune()
    assert HookSecret.objects.count() == 1


def test_a_second_rotation_leaves_two_secrets_and_one_in_wrong_hands_ends_at_once(
    workspace: Workspace, server: Sink
) -> None:
    hook, _ = subscribe(workspace, server.url)
    endpoints.rotate(actor=SYSTEM, hook=hook)
    _, last = endpoints.rotate(actor=SYSTEM, hook=hook)
    assert hook.secrets.count() == 2
    _, only = endpoints.rotate(actor=SYSTEM, hook=hook, hours=0)
    assert [row.value() for row in hook.secrets.all()] == [only]
    assert last != only


def test_the_id_is_the_same_on_every_attempt_and_the_body_too(
    workspace: Workspace, trigger: Trigger, server: Sink
) -> None:
    subscribe(workspace, server.url)
    server.mode = "fails"
    event = arrive(trigger, "PA", 0)
    worker.send_hooks()
    worker.drain()
    all_due()
    worker.send_hooks()

    assert len(server.asked) == 2
    assert len(set(server.asked)) == len(set(server.bodies)) == 1
    message = json.loads(server.bodies[0])
    assert message["type"] == "event.received"
    assert message["data"]["id"] == str(event.id)
    assert message["data"]["lane"] == "PA"


class TestWhatIsOwed:
    def test_events_of_one_trigger_alone(
        self, workspace: Workspace, trigger: Trigger, connection: Connection, server: Sink
    ) -> None:
        from workflows.triggers import lifecycle

        other = lifecycle.create(
            actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="Other"
        )
        subscribe(workspace, server.url, trigger=trigger)
        arrive(other, "PA", 0)
        assert not HookDelivery.objects.exists()
        arrive(trigger, "PA", 1)
        assert HookDelivery.objects.count() == 1

    def test_what_a_trigger_does_not_fire_on_is_told_to_nobody(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        subscribe(workspace, server.url)
        store.store(trigger, body=json.dumps(incident_event("incident.resolved")).encode())
        assert Event.objects.get().status == "ignored"
        assert not HookDelivery.objects.exists()

    def test_a_repeat_is_owed_once(self, workspace: Workspace, trigger: Trigger, server: Sink) -> None:
        subscribe(workspace, server.url)
        body = json.dumps(incident_event()).encode()
        for _ in range(3):
            store.store(trigger, body=body)
        assert HookDelivery.objects.count() == 1

    def test_it_is_owed_in_the_transaction_of_the_event(
        self, workspace: Workspace, trigger: Trigger, server: Sink, monkeypatch: Any
    ) -> None:
        subscribe(workspace, server.url)

        def breaks() -> None:
            raise RuntimeError

        monkeypatch.setattr(wakeup, "wake_workers", breaks)
        with pytest.raises(RuntimeError):
            arrive(trigger, "PA", 0)
        assert not Event.objects.exists()
        assert not HookDelivery.objects.exists()

    def test_a_completed_run_with_its_results(
        self,
        workspace: Workspace,
        trigger: Trigger,
        note_workflow: Workflow,
        server: Sink,
        settings: Any,
    ) -> None:
        subscribe(workspace, server.url, events=True, runs=True)
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            mock.get(
                f"{settings.PAGERDUTY_API_URL}/users",
                json={
                    "users": [{"id": "PUSER", "type": "user", "email": "dana@acme.example"}],
                    "limit": 100,
                    "offset": 0,
                    "more": False,
                    "total": None,
                },
            )
            add_note(mock)
            arrive(trigger, "PINC1", 0)
            worker.drain()
        send_all()

        event, run = (message for _, message in server.took)
        assert (event["type"], run["type"]) == ("event.received", "run.completed")
        assert run["data"]["id"] == str(Run.objects.get().id)
        assert run["data"]["steps"][0]["output"]["note"]["id"] == "PNOTE1"

    def test_a_failed_a_cancelled_and_a_revoked_run(
        self, workspace: Workspace, trigger: Trigger, connection: Connection, server: Sink
    ) -> None:
        subscribe(workspace, server.url, events=False, runs=True)
        publish(trigger, connection)
        for number in range(3):
            arrive(trigger, f"P{number}", 0)
        from workflows.engine import fanout

        fanout.fan_out_due()
        cancelled, revoked, failed = Run.objects.order_by("seq")
        control.cancel(actor=SYSTEM, run=cancelled)
        Run.objects.filter(pk=revoked.pk).update(status="paused", blocked_on=connection)
        revoked.refresh_from_db()
        parking.fail_revoked([revoked])
        Run.objects.filter(pk=failed.pk).update(claims=8)
        worker.drain()
        send_all()

        told = {message["data"]["id"]: message["type"] for _, message in server.took}
        assert told == {
            str(cancelled.id): "run.cancelled",
            str(revoked.id): "run.failed",
            str(failed.id): "run.failed",
        }

    def test_a_result_that_is_too_long_is_told_without_its_outputs(
        self, workspace: Workspace, trigger: Trigger, note_workflow: Workflow, server: Sink, monkeypatch: Any
    ) -> None:
        subscribe(workspace, server.url, events=False, runs=True)
        monkeypatch.setattr(payloads, "MOST_BYTES", 100)
        arrive(trigger, "PA", 0)
        from workflows.engine import fanout

        fanout.fan_out_due()
        run = Run.objects.get()
        run.steps.create(position=0, key="note", action="x/y", status="completed")
        control.cancel(actor=SYSTEM, run=run)
        send_all()
        assert server.took[0][1]["data"]["steps"][0]["cut"] is True

    def test_a_paused_hook_is_sent_what_happened_meanwhile_when_it_is_resumed(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        hook, _ = subscribe(workspace, server.url)
        endpoints.change(actor=SYSTEM, hook=hook, changes={"status": "paused"})
        arrive(trigger, "PA", 0)
        arrive(trigger, "PA", 1)
        assert worker.send_hooks() == 0
        endpoints.change(actor=SYSTEM, hook=hook, changes={"status": "active"})
        send_all()
        assert titles(server, "PA") == ["PA 0", "PA 1"]

    def test_a_deleted_hook_is_sent_nothing_and_its_secret_is_gone(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        hook, _ = subscribe(workspace, server.url)
        arrive(trigger, "PA", 0)
        endpoints.delete(actor=SYSTEM, hook=hook)
        arrive(trigger, "PA", 1)
        send_all()
        assert server.asked == []
        assert [row.status for row in HookDelivery.objects.all()] == ["cancelled"]
        assert not HookSecret.objects.exists()


class TestWhenAProcessDies:
    def test_what_it_had_claimed_is_sent_again_under_the_same_id(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        subscribe(workspace, server.url)
        arrive(trigger, "PA", 0)
        arrive(trigger, "PA", 1)
        first = HookDelivery.objects.order_by("seq").select_related("hook").first()
        assert first is not None
        assert delivery.claim(first)
        assert worker.send_hooks() == 0  # the second one waits for the first

        HookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        send_all()

        assert titles(server, "PA") == ["PA 0", "PA 1"]

    def test_one_that_kills_its_sender_each_time_ends(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        subscribe(workspace, server.url)
        arrive(trigger, "PA", 0)
        HookDelivery.objects.update(
            attempts=10,
            first_tried_at=timezone.now() - timedelta(days=4),
            lease_until=timezone.now() - timedelta(seconds=1),
        )
        send_all()
        row = HookDelivery.objects.get()
        assert (row.status, row.tries[-1]["error"]) == ("dead", "crashed")
        assert server.asked == []

    def test_another_sender_takes_over_when_the_lease_is_over(
        self, workspace: Workspace, trigger: Trigger, server: Sink, settings: Any
    ) -> None:
        subscribe(workspace, server.url)
        arrive(trigger, "PA", 0)
        HookSender.objects.create(
            name=settings.NODE_NAME,
            holder="00000000-0000-0000-0000-000000000001",
            until=timezone.now() + timedelta(seconds=30),
        )
        assert worker.send_hooks() == 0
        HookSender.objects.update(until=timezone.now() - timedelta(seconds=1))
        assert worker.send_hooks() == 1

    def test_a_late_answer_changes_nothing_of_what_another_sender_has(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        subscribe(workspace, server.url)
        arrive(trigger, "PA", 0)
        row = HookDelivery.objects.select_related("hook").get()
        claimed = delivery.claim(row)
        assert claimed
        HookDelivery.objects.update(lease_holder="00000000-0000-0000-0000-000000000001")
        delivery.settle(claimed, http.Outcome(200, "", 0.1))
        row.refresh_from_db()
        assert row.status == "waiting"


def test_the_log_forgets_what_is_old(workspace: Workspace, trigger: Trigger, server: Sink) -> None:
    subscribe(workspace, server.url)
    for number in range(6):
        arrive(trigger, f"P{number}", 0)
    rows = list(HookDelivery.objects.order_by("seq"))
    ages = [
        ("delivered", 31),
        ("delivered", 29),
        ("dead", 31),
        ("dead", 91),
        ("cancelled", 31),
        ("waiting", 31),
    ]
    for row, (status, days) in zip(rows, ages, strict=True):
        at = timezone.now() - timedelta(days=days)
        HookDelivery.objects.filter(pk=row.pk).update(
            status=status, created_at=at, finished_at=None if status == "waiting" else at
        )
    Hook.objects.update(status="paused")

    worker.housekeeping()

    assert sorted(HookDelivery.objects.values_list("status", flat=True)) == ["dead", "dead", "delivered"]


def test_no_secret_and_no_address_is_logged(
    workspace: Workspace, trigger: Trigger, server: Sink, caplog: Any, capfd: Any
) -> None:
    _, secret = subscribe(workspace, f"{server.url}?token=canary-in-the-address")
    for mode in ("fails", "hangs", "well"):
        server.mode = mode
        arrive(trigger, "PA", 0)
        all_due()
        worker.send_hooks()
    said = caplog.text + "".join(capfd.readouterr())
    assert "hook_tried" in said
    assert secret not in said
    assert "canary" not in said
