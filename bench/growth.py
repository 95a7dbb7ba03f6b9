"""The cost of an event with few and with many events stored: two copies of one database, turn by turn."""

import json
import statistics
import subprocess
from contextlib import ExitStack
from typing import Any

from bench import notes
from bench.figures import SHORT, Row, at_most
from bench.stack import Stack

FEW, MANY = 1_000, 100_000 if SHORT else 1_000_000
TURNS = 8 if SHORT else 40
_EVENTS = 20
RATIO = 1.2
# A page takes tens of milliseconds anyway; the test is for pages that read finished rows.
_LOOKS, _PAGE = 3, 2.0


class Database:
    """One copy of the database, and a process that works on it."""

    def __init__(self, stack: Stack, url: str, listener: notes.Listener) -> None:
        stack.env["DATABASE_URL"] = url
        self._process = stack.talk("-m", "bench.growing", listener.id, listener.secret)

    def ask(self, line: str) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("it cannot be talked to")
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()


def measure(kind: str, port: int) -> list[Row]:
    """Measure receiving, fan-out and pages with MANY events stored beside FEW. kind: see Stack."""
    with Stack(kind, port) as stack, ExitStack() as kept:
        listener = notes.listener(stack, stack.seed(), 0)
        stack.stop()
        few_url = stack.env["DATABASE_URL"]
        many_url = kept.enter_context(stack.copy())
        few, many = Database(stack, few_url, listener), Database(stack, many_url, listener)
        kept.callback(few.close)
        kept.callback(many.close)
        print(f"     {few.ask(f'fill {FEW}')} and {many.ask(f'fill {MANY}')} events are stored")
        looks = [tuple(one.ask(f"pages {_LOOKS}") for one in (few, many)) for _ in range(TURNS // 4)]
        turns = [(few.ask(f"events {_EVENTS}"), many.ask(f"events {_EVENTS}")) for _ in range(TURNS + 2)][2:]
    costs = [_row(kind, turns, number, what) for number, what in enumerate(("received", "fanned out"))]
    return [*costs, _page(kind, looks)]


def _page(kind: str, looks: list[Any]) -> Row:
    """Return the figure of the page that grows most, by the median of the turns."""
    grown = {}
    for page in looks[0][0]:
        few, many = (statistics.median(look[size][page] for look in looks) * 1000 for size in (0, 1))
        grown[page] = statistics.median(look[1][page] / look[0][page] for look in looks)
        print(f"     {page}: {few:.0f} ms beside {FEW:,} events, {many:.0f} ms beside {MANY:,}")
    name = f"{kind}: the page that grows most, with {MANY:,} stored, beside that with {FEW:,}"
    return at_most(name, _PAGE, max(grown.values()), "times")


def _row(kind: str, turns: list[Any], part: int, what: str) -> Row:
    """Return the figure of the medians, so that a checkpoint or a busy neighbour does not count."""
    few, many = (statistics.median(turn[size][part] for turn in turns) / _EVENTS * 1000 for size in (0, 1))
    print(f"     {what}: {few:.2f} ms an event beside {FEW:,} events, {many:.2f} ms beside {MANY:,}")
    name = f"{kind}: cost of an event {what} with {MANY:,} stored, beside that with {FEW:,}"
    return at_most(name, RATIO, many / few, "times")
