"""Runs a second with a slow provider beside a fast one: the delays take turns in one run."""

import statistics
import time
from dataclasses import dataclass

from bench import drain, notes
from bench.figures import SHORT, Row, at_least, at_most
from bench.slow import provider
from bench.slow.usage import Usage
from bench.stack import Stack, wait_for

# Delay of each call in seconds, and the rate beside that without a delay.
WANTED = {0.3: 0.8, 2.0: 0.5}
ROUNDS = 2 if SHORT else 3
# Several times what a few hundred calls in flight finish in two seconds.
PER_TURN = 1200 if SHORT else 3000
_WARM_UP = 200
# A turn that takes longer ends here, and its rate is that of what was done.
_SECONDS = 20.0 if SHORT else 60.0
RUNS = _WARM_UP + PER_TURN * (1 + len(WANTED)) * ROUNDS
MEGABYTES, CONNECTIONS = 256, 8
_OPEN = "SELECT COUNT(*) FROM workflows_run WHERE status IN ('pending', 'running', 'waiting')"


@dataclass(frozen=True)
class Turn:
    """A turn with calls that take `delay` seconds. times: when the sandbox got each note, sorted. end: of the turn."""

    delay: float
    times: list[float]
    end: float

    @property
    def per_second(self) -> float:
        """Return the notes a second, from one delay after the first on. Raise RuntimeError if there were too few.

        Many calls that begin together end together, in waves; so it is counted over a whole number of delays.
        """
        begin = self.times[0] + self.delay
        seconds = self.end - begin
        seconds -= seconds % self.delay if self.delay else 0.0
        if seconds <= 0:
            raise RuntimeError(f"{len(self.times)} runs are too few for calls of {self.delay:g} s")
        return sum(begin < at <= begin + seconds for at in self.times) / seconds


def measure(stack: Stack, kind: str, ways: list[tuple[str, str]]) -> list[Row]:
    """Measure the ratios, and what a worker process used at most. ways: trigger and incident of RUNS events."""
    drain.put_aside(stack, ways)
    turns: dict[float, list[Turn]] = {delay: [] for delay in (0.0, *WANTED)}
    _turn(stack, 0.0, _WARM_UP)
    with Usage(stack) as usage:
        for _ in range(ROUNDS):
            for delay, before in turns.items():
                before.append(_turn(stack, delay, PER_TURN))
        megabytes = usage.megabytes()
    rows = []
    for delay, wanted in WANTED.items():
        ratio = ratio_of(turns[delay], turns[0.0])
        name = f"{kind}: runs a second with {delay:g} s a call beside those with 0 s"
        rows.append(at_least(name, wanted, ratio, "times"))
    rows.append(at_most(f"{kind}: memory of a worker process at most", MEGABYTES, megabytes, "MB"))
    if kind == "postgresql":
        name = f"{kind}: database connections of a worker process at most"
        rows.append(at_most(name, CONNECTIONS, usage.connections, "connections"))
    return rows


def ratio_of(slow: list[Turn], fast: list[Turn]) -> float:
    """Return the median ratio of neighbouring turns, since the machine may be busy for a while."""
    return statistics.median(one.per_second / other.per_second for one, other in zip(slow, fast, strict=True))


def _turn(stack: Stack, delay: float, runs: int) -> Turn:
    """Have the next runs drained, and put aside what is left after _SECONDS."""
    provider.delay(stack, delay)
    enough, since = _written(stack) + runs, time.time()
    stack.python("-m", "bench.waiting", "release", str(runs))
    limit = time.time() + _SECONDS
    wait_for("the notes", lambda: _written(stack) >= enough or time.time() > limit, _SECONDS * 2, every=0.5)
    times = sorted(notes.received(stack, since).values())
    left = int(stack.python("-m", "bench.waiting", "withdraw"))
    wait_for("the last ones", lambda: not stack.rows(_OPEN)[0][0], every=0.5)
    turn = Turn(delay, times, limit if left else times[-1])
    print(f"     {delay:g} s a call: {turn.per_second:.1f} runs a second, {left} left", flush=True)
    return turn


def _written(stack: Stack) -> int:
    """Return the number of notes at the sandbox, without taking its time."""
    return int(stack.theirs("SELECT COUNT(*) FROM docs WHERE kind = 'note'")[0][0])
