"""What a hook's address can answer that is no answer: each failure has its own name, and each address its turn."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Workspace
from tests.factories import SYSTEM, Ask, incident_event
from tests.support.http_sinks import PUBLIC, Internet
from workflows import worker
from workflows.inbox import store
from workflows.models import Hook, HookDelivery, Trigger
from workflows.outgoing import endpoints
from workflows.outgoing.transport import address

pytestmark = pytest.mark.django_db
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def _read_request(came: socket.socket) -> None:
    """Read all of it: a close with bytes unread is a reset, which the sender may see instead of the end."""
    got = b""
    while more := came.recv(65536):
        got += more
        head, end, body = got.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        if not got.startswith(b"POST ") or (end and len(body) >= int(length or 0)):
            return


@contextmanager
def answering(raw: bytes) -> Iterator[str]:
    """A server that reads a request, sends those bytes and hangs up; its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                came, _ = listener.accept()
            except OSError:
                return
            with came:
                came.settimeout(5)
                _read_request(came)
                came.sendall(raw)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/in"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@pytest.fixture
def hook(workspace: Workspace, settings: Any) -> Callable[[str], Hook]:
    settings.HOOKS_ALLOW_PRIVATE = True

    def made(url: str) -> Hook:
        row = Hook.objects.create(workspace=workspace, name="Sink", url=url)
        endpoints.rotate(actor=SYSTEM, hook=row)
        return row

    return made


def tell(hook: Hook) -> HookDelivery:
    """One message, tried once."""
    made = endpoints.send_test(actor=SYSTEM, hook=hook)
    worker.send_hooks()
    made.refresh_from_db()
    return made


HEADERS = b"".join(b"X-%d: y\r\n" % number for number in range(120))


@pytest.mark.parametrize(
    ("raw", "status", "error"),
    [
        (b"", None, "no_answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None, "not_http"),
        (b"\x00\x01\x02\x03\r\n\r\n", None, "not_http"),
        (b"HTTP/1.1 200 OK\r\n" + HEADERS + b"\r\n", None, "headers_too_long"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", None, "headers_too_long"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", None, "broken_off"),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\n\r\n", 301, "redirected"),
        (b"HTTP/1.1 307 Moved\r\nLocation: /in\r\n\r\n", 307, "redirected"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", 304, "redirected"),
        (b"HTTP/1.1 102 Processing\r\n\r\n" + OK, 204, ""),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK, 204, ""),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 500, "refused"),
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 200, None, "headers_too_long"),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", 410, "gone"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
def test_each_answer_has_its_own_name(
    hook: Callable[[str], Hook], raw: bytes, status: int | None, error: str
) -> None:
    with answering(raw) as url:
        (tried,) = tell(hook(url)).tries

    assert (tried["status"], tried["error"]) == (status, error)


def test_a_port_where_nothing_listens_refuses(hook: Callable[[str], Hook]) -> None:
    with answering(b"") as url:
        pass

    assert tell(hook(url)).tries[0]["error"] == "connection_refused"


def test_a_name_that_is_gone_is_called_that(hook: Callable[[str], Hook], monkeypatch: Any) -> None:
    Internet(monkeypatch).names["gone.example.com"] = [[]]

    assert tell(hook("http://gone.example.com/in")).tries[0]["error"] == "no_such_name"


def test_a_server_that_speaks_no_tls_is_called_that(hook: Callable[[str], Hook]) -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        (tried,) = tell(hook(url.replace("http:", "https:"))).tries

    assert tried["error"] == "tls_failed"


@pytest.mark.parametrize("broken", [["2606:2800:220:1::1"], ["2606:2800:220:1::1", "93.184.216.35"]])
def test_every_address_of_a_name_has_its_turn(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, broken: list[str]
) -> None:
    """A name whose IPv6 leads nowhere is reached by its IPv4."""
    internet = Internet(monkeypatch)
    internet.names["hooks.example.com"] = [[*broken, PUBLIC]]
    row = Hook.objects.create(workspace=workspace, name="Sink", url="https://hooks.example.com/in")
    endpoints.rotate(actor=SYSTEM, hook=row)
    lead = internet._led

    def led(where: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        if where[0] in broken:
            internet.connected_to.append(where[0])
            raise OSError("Network is unreachable")
        return lead(where, *args, **kwargs)

    monkeypatch.setattr("urllib3.util.connection.create_connection", led)
    with answering(b"") as url:
        internet.behind = int(url.rpartition(":")[2].partition("/")[0])
        tell(row)

    assert internet.connected_to == [*broken, PUBLIC]


def test_410_pauses_the_hook_says_so_and_keeps_what_waits(
    hook: Callable[[str], Hook], ask: Ask, trigger: Trigger
) -> None:
    with answering(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n") as url:
        row = hook(url)
        store.store(trigger, body=json.dumps(incident_event()).encode())
        worker.send_hooks()

    row.refresh_from_db()
    assert (row.status, row.pause_reason) == ("paused", "gone")
    shown = ask("get", f"hooks/{row.pk}/").json()
    assert (shown["status"], shown["pause_reason"]) == ("paused", "gone")
    waiting = HookDelivery.objects.get(kind="event")
    assert waiting.status == "waiting"

    with answering(OK) as url:
        endpoints.change(actor=SYSTEM, hook=row, changes={"url": url, "status": "active"})
        worker.send_hooks()

    waiting.refresh_from_db()
    row.refresh_from_db()
    assert (waiting.status, row.pause_reason) == ("delivered", "")


@pytest.mark.parametrize(
    ("asked", "at_least", "at_most"),
    [
        ("120", 120, 121),
        ("999999999", 86_400, 86_401),
        ("in an hour", 3_300, 3_601),
        ("soon", 5, 6.1),
        ("-5", 5, 6.1),
        ("1", 5, 6.1),
    ],
)
def test_retry_after_is_obeyed_up_to_a_day(
    hook: Callable[[str], Hook],
    trigger: Trigger,
    asked: str,
    at_least: float,
    at_most: float,
) -> None:
    if asked == "in an hour":  # a date, as HTTP writes them
        asked = format_datetime(timezone.now() + timedelta(hours=1))
    answer = f"HTTP/1.1 503 Later\r\nRetry-After: {asked}\r\nContent-Length: 0\r\n\r\n"
    with answering(answer.encode()) as url:
        row = hook(url)
        store.store(trigger, body=json.dumps(incident_event()).encode())
        worker.send_hooks()

    delivery = HookDelivery.objects.get(kind="event")
    assert delivery.next_attempt_at
    assert delivery.tried_at
    wait = (delivery.next_attempt_at - delivery.tried_at).total_seconds()
    assert at_least <= wait <= at_most + 5
    row.refresh_from_db()
    held = row.held_until is not None and row.held_until - delivery.tried_at > timedelta(seconds=100)
    assert held is (at_least > 100), "what else is owed to it waits too"


@pytest.mark.parametrize(
    "ip", ["192.0.0.8", "192.0.0.1", "3fff::1", "3fff:fff::1", "2001:db8::1", "100.64.0.1", "5f00::1"]
)
def test_what_iana_keeps_for_itself_is_not_public(ip: str) -> None:
    assert not address.is_public(ip)


def test_what_is_public_stays_public() -> None:
    assert all(map(address.is_public, [PUBLIC, "2606:2800:220:1::1", "8.8.8.8", "192.0.1.1"]))
