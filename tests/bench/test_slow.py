"""What `make bench` and `make chaos` say of a slow provider: rates by turns, shares, and use of the machine."""

import os
import socket
import subprocess
import time
from typing import Any

import pytest

from bench import notes, processes, waiting
from bench.chaos.fair_slow import furthest
from bench.paced import Paced
from bench.slow import provider
from bench.slow.calls import most_at_once
from bench.slow.rates import Turn, ratio_of
from workflows.engine import fanout
from workflows.models import Run, Trigger, Workflow


def test_a_rate_without_a_delay_is_that_of_all_after_the_first() -> None:
    turn = Turn(0.0, [100.0 + number / 10 for number in range(21)], end=102.0)

    assert turn.per_second == pytest.approx(10.0)


def test_those_that_begin_while_the_first_is_answered_are_no_rate() -> None:
    """Eight calls in flight, of two seconds each: four a second, however many turns of eight there are."""
    waves = [100.0 + 2.001 * wave for wave in range(4) for _ in range(8)]

    for end in (waves[-1], waves[-1] + 1.5, waves[-1] + 2.0):
        assert Turn(2.0, waves, end=end).per_second == pytest.approx(4.0)


def test_a_turn_that_is_over_before_the_second_wave_has_no_rate() -> None:
    with pytest.raises(RuntimeError, match="too few"):
        _ = Turn(2.0, [100.0, 100.1, 102.5], end=102.5).per_second


def test_a_turn_that_stalls_until_its_end_pays_for_it() -> None:
    times = [100.0 + number / 10 for number in range(11)]

    assert Turn(0.0, times, end=110.0).per_second == pytest.approx(1.0)


def test_the_ratio_is_that_of_neighbouring_turns() -> None:
    def turn(per_second: int) -> Turn:
        return Turn(0.0, [number / per_second for number in range(per_second + 1)], end=1.0)

    assert ratio_of([turn(5), turn(9), turn(30)], [turn(10), turn(10), turn(100)]) == pytest.approx(0.5)


@pytest.mark.parametrize(("shares", "wanted"), [([7, 7, 7], 0.0), ([90, 105, 105], 0.1), ([0, 3, 3], 1.0)])
def test_the_share_furthest_from_a_third(shares: list[int], wanted: float) -> None:
    assert furthest(shares) == pytest.approx(wanted)


class Sandbox:
    """As bench.stack.Stack, of a request log that was handed in."""

    def __init__(self, *log: tuple[float, str, str]) -> None:
        self._log: list[dict[str, Any]] = [
            {"at": at, "method": method, "path": path} for at, method, path in log
        ]

    def answered(self) -> None:
        for row in self._log:
            row["status"] = 201

    def sandbox(self, method: str, path: str) -> Any:
        since = float(path.partition("=")[2])
        return {"requests": [row for row in self._log if row["at"] >= since]}


def test_only_notes_count_and_of_each_incident_the_first() -> None:
    log = Sandbox(
        (1.0, "POST", "/incidents/P1/notes"),
        (2.0, "GET", "/users"),
        (3.0, "GET", "/incidents/P2/notes"),
        (4.0, "POST", "/incidents/P2/notes"),
        (5.0, "POST", "/incidents/P1/notes"),
    )

    assert notes.requests(log, 2.0) == [(4.0, "P2"), (5.0, "P1")]  # type: ignore[arg-type]
    assert notes.received(log) == {"P1": 1.0, "P2": 4.0}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("times", "wanted"),
    [([], 0), ([1.0, 11.0, 21.0], 1), ([1.0, 2.0, 10.9, 11.1], 3), ([1.0] * 8 + [11.0] * 8, 8)],
)
def test_those_that_begin_within_the_seconds_of_one_are_on_their_way_at_once(
    times: list[float], wanted: int
) -> None:
    assert most_at_once(times, 10.0) == wanted


def test_only_notes_without_an_answer_are_on_their_way() -> None:
    log = Sandbox((time.time(), "POST", "/incidents/P1/notes"), (time.time(), "GET", "/users"))
    assert provider.on_the_way(log) == 1  # type: ignore[arg-type]

    log.answered()
    assert provider.on_the_way(log) == 0  # type: ignore[arg-type]


def test_a_steady_stream_does_not_wait_for_answers_and_counts_those_that_do_not_come() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    stream = Paced(20.0, 0.5, lambda _: {"method": "GET", "url": f"http://127.0.0.1:{port}/"})
    begin = time.monotonic()
    stream.run()

    assert 0.4 < time.monotonic() - begin < 5.0
    assert stream.statuses == [0] * 10
    assert stream.other_than(200) == 10


def test_connections_of_a_process_to_a_port_are_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert processes.connections(os.getpid(), port) == 0
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            assert processes.connections(os.getpid(), port) == 2
            with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as other:
                assert processes.connections(other.pid, port) == 0
        assert processes.connections(os.getpid(), port) == 0


@pytest.mark.django_db
def test_what_no_worker_has_claimed_is_put_aside_again(deliver: Any, note_workflow: Workflow) -> None:
    trigger = str(Trigger.objects.get().pk)
    assert waiting.make([(trigger, f"PINC{number}") for number in range(3)]) == 3

    waiting.release(2)
    claimed = Run.objects.filter(status=Run.Status.PENDING)[0]
    Run.objects.filter(pk=claimed.pk).update(status=Run.Status.RUNNING, started_at=claimed.due_at)

    assert waiting.withdraw() == 1
    assert not fanout.anything_due()
    assert sorted(Run.objects.values_list("status", flat=True)) == ["cancelled", "cancelled", "running"]
