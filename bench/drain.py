"""The rate at which workers drain a backlog of runs, beside a bare loop."""

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from bench import notes, processes
from bench.figures import SHORT, Row, at_least
from bench.stack import Stack, wait_for

ROUNDS = 3 if SHORT else 6
PER_TURN = 300 if SHORT else 600
BESIDE_THE_LOOP = 0.6
_WORKERS = os.cpu_count() or 1
_SETTLES_IN = 3.0


@dataclass(frozen=True)
class Turn:
    """A turn of PER_TURN runs. seconds: from the first note that the sandbox got to the last.

    sandbox, own, database: processor time of the sandbox, of the draining processes, and of PostgreSQL.
    """

    seconds: float
    sandbox: float
    own: float
    database: float

    @property
    def per_second(self) -> float:
        return PER_TURN / self.seconds

    @property
    def without_sandbox(self) -> float:
        """Return the runs a second without the sandbox's time, for which each process waits."""
        return PER_TURN / (self.seconds - self.sandbox / _WORKERS)

    def __str__(self) -> str:
        used = {"sandbox": self.sandbox, "own": self.own, "database": self.database}
        each = ", ".join(f"{name} {seconds / PER_TURN * 1000:.2f} ms" for name, seconds in used.items())
        return (
            f"{self.per_second:.0f} runs a second, {self.without_sandbox:.0f} without the sandbox's time;"
            f" processor time of each run: {each}"
        )


def measure(kind: str, port: int) -> list[Row]:
    """Measure one-step runs a second by turns, workers beside bench.bare_loop. kind: see Stack."""
    with ExitStack() as kept:
        stack = kept.enter_context(Stack(kind, port, workers=_WORKERS))
        ways = notes.prepare(stack, PER_TURN * 2 * (ROUNDS + 1))
        put_aside(stack, [(way.id, incident) for way, incident in ways])
        loops = [kept.enter_context(stack.talk("-m", "bench.bare_loop")) for _ in range(_WORKERS)]
        ours, theirs = list[Turn](), list[Turn]()
        time.sleep(_SETTLES_IN)
        for number in range(ROUNDS + 1):
            by_workers, by_loops = _by_workers(stack), _by_loops(stack, loops)
            print(f"     workers: {by_workers}\n     loops: {by_loops}", flush=True)
            if number:  # the first warms up
                ours.append(by_workers)
                theirs.append(by_loops)
    # The median of neighbouring turns, since the machine may be busy for a while.
    pairs = list(zip(ours, theirs, strict=True))
    apart = statistics.median(our.without_sandbox / their.without_sandbox for our, their in pairs)
    print(f"     without the sandbox's time: {apart:.2f} of the bare loop")
    ratio = statistics.median(our.per_second / their.per_second for our, their in pairs)
    name = f"{kind}: one-step runs drained a second beside the bare loop"
    return [at_least(name, BESIDE_THE_LOOP, ratio, "of the loop")]


def put_aside(stack: Stack, ways: list[tuple[str, str]]) -> None:
    """Create runs that no worker can claim yet. ways: trigger id and incident id of each."""
    stack.stop()
    made = int(stack.python("-m", "bench.waiting", "make", stdin=json.dumps(ways)))
    if made != len(ways):
        raise RuntimeError(f"{made} runs were made instead of {len(ways)}")
    stack.start()
    notes.lift_rate_limit(stack)


def _by_workers(stack: Stack) -> Turn:
    def begin() -> None:
        stack.python("-m", "bench.waiting", "release", str(PER_TURN))

    return _turn(stack, begin, lambda: stack.processor_seconds("qcluster"))


def _by_loops(stack: Stack, loops: list[subprocess.Popen[str]]) -> Turn:
    given = json.loads(stack.python("-m", "bench.waiting", "hand", str(PER_TURN)))
    pipes = [(loop.stdin, loop.stdout) for loop in loops]

    def begin() -> None:
        for number, (line, _) in enumerate(pipes):
            share = given | {"url": stack.sandbox_url, "runs": given["runs"][number :: len(loops)]}
            print(json.dumps(share), file=line, flush=True)

    turn = _turn(stack, begin, lambda: sum(processes.seconds(loop.pid) for loop in loops))
    for _, line in pipes:
        if line is None or not line.readline():
            raise RuntimeError(stack.log.read_text()[-2000:])
    return turn


def _turn(stack: Stack, begin: Callable[[], None], own: Callable[[], float]) -> Turn:
    """Measure the next PER_TURN runs, drained by `begin`. own: processor time so far of the draining processes."""

    def used() -> list[float]:
        return [stack.processor_seconds("pagerduty_sandbox"), own(), stack.database_seconds()]

    enough, before, since = _notes(stack) + PER_TURN, used(), time.time()
    begin()
    wait_for("every note", lambda: _notes(stack) >= enough, 120, every=0.5)
    sandbox, drainer, database = (now - then for now, then in zip(used(), before, strict=True))
    got = sorted(at for at in notes.received(stack).values() if at >= since)
    return Turn(got[-1] - got[0], sandbox, drainer, database)


def _notes(stack: Stack) -> int:
    return int(stack.sandbox("GET", "state")["notes"])
