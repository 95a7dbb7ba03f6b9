"""An endpoint that fails in any way has every event in order once it works."""

import socket
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Workspace
from tests.factories import SYSTEM
from tests.support.http_sinks import Listener, Sink, sink
from tests.support.present import present
from tests.workflows.outgoing.delivery.sending import all_due, arrive, send_all, subscribe, titles
from workflows import worker
from workflows.models import HookDelivery, Trigger
from workflows.outgoing import attempt as delivery
from workflows.outgoing import endpoints, sender
from workflows.outgoing.transport import http

pytestmark = pytest.mark.django_db
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
