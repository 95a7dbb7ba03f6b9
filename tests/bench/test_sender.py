"""The sender of `make chaos` keeps PagerDuty's rules, else its proofs prove nothing."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bench.chaos import sender
from bench.chaos.sender import Lane, Sender, lanes_of
from pagerduty_app import signatures

# It waits for senders that wait.
pytestmark = pytest.mark.slow

Answer = Callable[[str, int], int]


class Receiver:
    """A receiver that returns what `answer` says of an event's name and how often it came before."""

    def __init__(self) -> None:
        self.answer: Answer = lambda name, before: 202
        self.got: list[str] = []
        self.genuine: list[bool] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                name = json.loads(body)["event"]["id"]
                signed = signatures.verify(body, self.headers["X-PagerDuty-Signature"], ["secret"])
                receiver.genuine.append(signed == 0)
                before = receiver.got.count(name)
                receiver.got.append(name)
                self.send_response(receiver.answer(name, before))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: tests are quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/pagerduty/x"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(sender, "_FIRST_WAIT", 0.01)
    running = Receiver()
    yield running
    running.server.shutdown()
    running.server.server_close()


def send(receiver: Receiver, count: int, *, lanes: int = 1, twice: frozenset[int] = frozenset()) -> Sender:
    made = [
        Lane("trigger", receiver.url, "secret", f"P{number}", count, twice=twice) for number in range(lanes)
    ]
    sent = Sender(made, per_second=1000.0)
    sent.start()
    sent.wait()
    return sent


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_is_refused_for_now_comes_again_and_the_later_ones_wait(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda name, before: status if name == "P0-00001" and before < 2 else 202

    sent = send(receiver, 3)

    assert receiver.got == ["P0-00000", "P0-00001", "P0-00001", "P0-00001", "P0-00002"]
    assert set(sent.accepted) == {"P0-00000", "P0-00001", "P0-00002"}
    assert (sent.dropped, sent.disabled) == (0, 0)
    assert all(receiver.genuine)


def test_three_refusals_in_a_row_disable_the_webhook_and_their_events_are_gone(receiver: Receiver) -> None:
    receiver.answer = lambda name, before: 202 if name == "P0-00000" else 400

    sent = send(receiver, 4)

    assert receiver.got == ["P0-00000", "P0-00001", "P0-00002", "P0-00003"]
    assert (sent.dropped, sent.disabled) == (3, 1)
    assert set(sent.accepted) == {"P0-00000"}


def test_some_are_sent_twice_although_they_were_accepted(receiver: Receiver) -> None:
    send(receiver, 3, twice=frozenset({1}))

    assert receiver.got == ["P0-00000", "P0-00001", "P0-00001", "P0-00002"]


def test_lanes_do_not_wait_for_each_other(receiver: Receiver) -> None:
    receiver.answer = lambda name, before: 503 if name == "P0-00000" and len(receiver.got) < 9 else 202

    sent = send(receiver, 3, lanes=3)

    assert len(sent.accepted) == 9
    assert receiver.got.index("P0-00001") > receiver.got.index("P1-00002")


def test_events_are_dealt_out_over_incidents_and_tenants() -> None:
    tenants = [{"id": name, "url": name, "secret": name} for name in "ab"]

    lanes = lanes_of(tenants, ["P1", "P2", "P3"], 100)

    assert [lane.count for lane in lanes] == [34, 33, 33]
    assert [lane.trigger for lane in lanes] == ["a", "b", "a"]
    assert 0 < sum(len(lane.twice) for lane in lanes) < 30
