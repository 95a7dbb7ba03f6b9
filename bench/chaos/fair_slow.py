"""Fair scheduling with a provider that takes a second a call: a burst delays no other workspace, and bursts share."""

import time
from collections import Counter
from typing import Any

from bench import latency, notes
from bench.chaos import counts
from bench.chaos.sender import Sender, lanes_of
from bench.chaos.traffic import EMPTY_WITHIN, incidents, tenants
from bench.figures import SHORT, Row, at_least, at_most, exactly, percentile
from bench.slow import provider
from bench.stack import Stack, wait_for

DELAY = 1.0
_BURST = 300 if SHORT else 10_000
_SINGLES, _PER_SECOND = 50, 2
_P50_SECONDS, _MOST_SECONDS = 1.5, 3.0
# A workflow begins at most 600 runs a minute (workflows.runs.safety_limit), so that many have to share a burst.
_RUNS_OF_ONE = 500
# Of this limit a burst has half of a quarter at once, then three a second; the singles are fewer.
_LOW_LIMIT = 240
_SPENT = """SELECT COUNT(*) FROM connections_requestbudget
WHERE per_minute = {} AND full_until > extract(epoch FROM now()) + 8"""
# The first of three bursts is twice as large as the others and comes before them.
_THIRD = 150 if SHORT else 600
_SECONDS_OF_THIRDS = 90.0
_APART = 0.10
_QUEUED = "SELECT COUNT(*) FROM workflows_event WHERE status = 'queued'"
_Tenants = list[dict[str, Any]]


def measure(port: int) -> list[Row]:
    with Stack("postgresql", port) as stack:
        sizes = {"Busy": _BURST, "Third 1": 2 * _THIRD, "Third 2": _THIRD, "Third 3": _THIRD}
        sizes |= {"Spender": _BURST, "Quiet": 1}
        names = [name for name, size in sizes.items() for _ in range(-(-size // _RUNS_OF_ONE))]
        made = list(zip(names, tenants(stack, names, own_users=True), strict=True))
        of = {name: [tenant for mine, tenant in made if mine == name] for name in sizes}
        bursts = list[Sender]()
        _singles(stack, of["Quiet"], 10)
        rows = _behind_a_burst(stack, of, bursts)
        _work_off(stack, bursts)
        rows += _thirds(stack, [of[name] for name in sizes if name.startswith("Third")], bursts)
        _work_off(stack, bursts)
        found = counts.count(stack, [name for burst in bursts for name in burst.accepted])
        rows += _behind_a_spent_budget(stack, of)
    return [
        *rows,
        exactly("bursts at a slow provider: lost", 0, found.lost, "events"),
        exactly("bursts at a slow provider: notes doubled", 0, found.doubled_notes, "notes"),
        exactly("bursts at a slow provider: out of order", 0, found.out_of_order, "runs"),
    ]


def _behind_a_burst(stack: Stack, of: dict[str, _Tenants], bursts: list[Sender]) -> list[Row]:
    provider.delay(stack, DELAY)
    bursts.append(_begin(stack, of["Busy"], _BURST))
    return _others(stack, of["Quiet"], f"burst of {_BURST}")


def _behind_a_spent_budget(stack: Stack, of: dict[str, _Tenants]) -> list[Row]:
    """Let a burst spend its budget at a fast provider; then the provider is slow.

    It comes last, and is not worked off: its runs are queued for their turns, at three a second.
    """
    stack.sandbox("POST", "settings", {"rate_limit": _LOW_LIMIT})
    burst = _begin(stack, of["Spender"], _BURST)
    wait_for("the budget to be spent", lambda: stack.rows(_SPENT.format(_LOW_LIMIT))[0][0], every=0.1)
    rows = _others(stack, of["Quiet"], f"burst of {_BURST} that has spent its budget")
    burst.wait()
    return rows


def _others(stack: Stack, quiet: _Tenants, burst: str) -> list[Row]:
    provider.delay(stack, DELAY)
    before = counts.unfinished(stack)
    waits = _singles(stack, quiet, _SINGLES)
    still = counts.unfinished(stack)
    print(f"     {before} waited when the fifty came, {still} when they were sent", flush=True)
    name = f"{burst}, {DELAY:g} s a call"
    return [
        at_least(f"{name}: still waiting when another's fifty were sent", 1, still, "events and runs"),
        at_most(f"{name}: another's fifty, accepted to sent, p50", _P50_SECONDS, percentile(waits, 50), "s"),
        at_most(f"{name}: another's fifty, accepted to sent, slowest", _MOST_SECONDS, max(waits), "s"),
    ]


def _begin(stack: Stack, busy: _Tenants, events: int) -> Sender:
    """Send a burst, and return its sender when most of it was accepted."""
    burst = Sender(lanes_of(busy, incidents(stack, events // 5), events, twice=0.0), 10_000.0)
    burst.start()
    wait_for("most of the burst", lambda: len(burst.accepted) > events * 0.8, 600, every=0.05)
    return burst


def _singles(stack: Stack, quiet: _Tenants, events: int) -> list[float]:
    """Send events of an incident each; return the seconds of each from accepted to received by the sandbox."""
    [tenant] = quiet
    listener = notes.Listener(tenant["id"], tenant["url"], tenant["secret"])
    ways = [(listener, incident) for incident in incidents(stack, events)]
    return latency.send(stack, ways, per_second=_PER_SECOND)


def _work_off(stack: Stack, bursts: list[Sender]) -> None:
    provider.delay(stack, 0.0)
    for burst in bursts:
        burst.wait()
    wait_for("the bursts", lambda: not counts.unfinished(stack), 10 * EMPTY_WITHIN, every=1.0)


def _thirds(stack: Stack, three: list[_Tenants], bursts: list[Sender]) -> list[Row]:
    """Compare what three bursting workspaces get while each of them still has much to do."""
    provider.delay(stack, DELAY)
    since = time.time()
    bursts += [_begin(stack, busy, _THIRD * (1 if number else 2)) for number, busy in enumerate(three)]
    wait_for("the runs", lambda: not stack.rows(_QUEUED)[0][0], every=0.2)
    owner = {lane.incident: number for number in range(3) for lane in bursts[number - 3].lanes}
    begin, enough = time.time(), _THIRD * 0.8
    end = begin + _SECONDS_OF_THIRDS

    def got(after: float) -> Counter[int]:
        return Counter(owner[incident] for at, incident in notes.requests(stack, after))

    wait_for("most of one", lambda: time.time() > end or max(got(since).values()) > enough, every=0.5)
    shares = got(begin)
    print(f"     sent of each: {', '.join(str(shares[number]) for number in range(3))}", flush=True)
    name = f"three bursts, {DELAY:g} s a call: furthest from a third"
    return [at_most(name, _APART, furthest([shares[number] for number in range(3)]), "of a third")]


def furthest(shares: list[int]) -> float:
    """Return how far the furthest share is from an equal one, as a part of it. Raise ZeroDivisionError for none."""
    return max(abs(share * len(shares) / sum(shares) - 1) for share in shares)
