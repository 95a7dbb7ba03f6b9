"""The receiver beside bare floors (bench.floors): same server, same database, turn by turn in one run."""

import statistics
import uuid
from contextlib import ExitStack
from typing import Any

from bench.figures import SHORT, Row, at_least, at_most, exactly, percentile
from bench.stack import Stack
from bench.webs import FLOOR, PRODUCT, Turn, Web, send

ROUNDS = 4 if SHORT else 12
PER_TURN = 1500 if SHORT else 4000
TRIGGERS = 20
# The path of bench.floors; importing that module would set up its Django here.
FLOOR_WAY = ("/floor", "the-signing-secret-of-the-floors")
SENDERS = {"sqlite": 16, "postgresql": 64}
P99_MS = {"sqlite": 1000.0, "postgresql": 500.0}
WANTED = {"a": 0.8, "b": 0.9}
_SERVED = {"product": PRODUCT, "a": FLOOR, "b": FLOOR}
_WHAT = {
    "a": dict.fromkeys(("sqlite", "postgresql"), "one insert by the ORM"),
    "b": {"sqlite": "commits put together", "postgresql": "one raw INSERT"},
}


def measure(kind: str, port: int) -> list[Row]:
    """Measure ratios to both floors, p99, failures, memory and cold start. kind: see Stack.

    The floors have no workers, so web servers are compared without; response times are measured with workers.
    """
    with Stack(kind, port) as stack:
        ways = ways_of(stack)
        whole = _whole_product(stack, ways, SENDERS[kind])
        stack.stop()
        stack.python("-m", "bench.floors")
        with ExitStack() as kept:
            webs = {
                name: kept.enter_context(
                    Web(application, port + 3 + number, {**stack.env, "FLOOR": name}, stack.log)
                )
                for number, (name, application) in enumerate(_SERVED.items())
            }
            turns = _in_turns(stack, webs, ways, SENDERS[kind])
            rows = [
                *_ratios(kind, turns),
                *_answers(kind, whole, turns["product"], stack),
                *_sizes(kind, webs),
            ]
    return rows


def ways_of(stack: Stack, triggers: int = TRIGGERS) -> list[tuple[str, str]]:
    """Create triggers without a workflow, confirmed by a first delivery; return (path, secret) of each."""
    seed: dict[str, Any] = stack.seed()
    ways = []
    for number in range(triggers):
        secret = uuid.uuid4().hex
        wanted = {
            "key": "pagerduty/incident-triggered",
            "connection": seed["connection"],
            "name": f"Load {number}",
        }
        trigger = stack.api(seed["api_key"], "triggers/", wanted)
        stack.api(seed["api_key"], f"triggers/{trigger['id']}/secrets/", {"secret": secret})
        ways.append((trigger["url"].removeprefix(stack.url), secret))
    return ways


def _in_turns(
    stack: Stack, webs: dict[str, Web], ways: list[tuple[str, str]], senders: int
) -> dict[str, list[Turn]]:
    """Return the turns of each server without the first, which warms up."""
    turns: dict[str, list[Turn]] = {name: [] for name in webs}
    for number in range(ROUNDS + 1):
        for name, web in webs.items():
            to = ways if name == "product" else [FLOOR_WAY]
            before = web.seconds(), stack.database_seconds()
            turn = send(web.port, to, deliveries=PER_TURN, senders=senders, mark=uuid.uuid4().hex[:10])
            each = 1000 / len(turn.waits)
            used = (web.seconds() - before[0]) * each
            database = (stack.database_seconds() - before[1]) * each
            if number:
                turns[name].append(turn)
            print(
                f"     {name}: {turn.per_second:.0f} a second, {used:.2f} + {database:.2f} ms of processor time each"
            )
    return turns


def _ratios(kind: str, turns: dict[str, list[Turn]]) -> list[Row]:
    """Return the median ratio of neighbouring turns, since the machine may be busy for a while."""
    rows = []
    for floor, wanted in WANTED.items():
        pairs = zip(turns["product"], turns[floor], strict=True)
        ratio = statistics.median(ours.per_second / theirs.per_second for ours, theirs in pairs)
        which = f"floor {floor.upper()} ({_WHAT[floor][kind]})"
        name = f"{kind}, {SENDERS[kind]} senders: deliveries a second beside {which}"
        rows.append(at_least(name, wanted, ratio, "of the floor"))
    return rows


def _whole_product(stack: Stack, ways: list[tuple[str, str]], senders: int) -> Turn:
    """Measure the product with its workers busy; the first turn warms up."""
    send(stack.port, ways, deliveries=PER_TURN // 4, senders=senders, mark=uuid.uuid4().hex[:10])
    turn = send(stack.port, ways, deliveries=PER_TURN, senders=senders, mark=uuid.uuid4().hex[:10])
    print(f"     the whole product: {turn.per_second:.0f} a second, workers and watchdog at work")
    return turn


def _answers(kind: str, whole: Turn, turns: list[Turn], stack: Stack) -> list[Row]:
    who = f"{kind}, {SENDERS[kind]} senders"
    waits = [wait * 1000 for wait in whole.waits]
    locked = stack.log.read_text().count("database is locked")
    return [
        at_most(f"{who}: answered by the whole product, p99", P99_MS[kind], percentile(waits, 99), "ms"),
        exactly(f"{who}: answers other than 2xx", 0, sum(turn.failed for turn in [whole, *turns])),
        exactly(f"{who}: “database is locked”", 0, locked),
    ]


def _sizes(kind: str, webs: dict[str, Web]) -> list[Row]:
    """Return memory and cold start as figures; only their order of magnitude is promised."""
    web = webs["product"]
    return [
        at_most(f"{kind}: memory of a web process at most", 256, web.peak_megabytes(), "MB"),
        at_most(f"{kind}: cold start to the first answer", 15, web.cold, "s"),
    ]
