"""On call: days of two schedules across a change of the clocks, with the clock run fast (bench.edge.on_call_days)."""

import json

from bench.figures import SHORT, Row, at_least, at_most, exactly
from bench.stack import Stack

DAYS, INSTANTS = (3, 1_000) if SHORT else (7, 10_000)
_WITHIN_MINUTES = 5.0


def measure(kind: str, port: int) -> list[Row]:
    with Stack(kind, port) as stack:
        seed = stack.seed()
        stack.sandbox("POST", "settings", {"rate_limit": 10_000_000})
        arguments = (
            "-m",
            "bench.edge.on_call_days",
            stack.sandbox_url,
            seed["connection"],
            str(DAYS),
            str(INSTANTS),
        )
        seen = json.loads(stack.python(*arguments).splitlines()[-1])
    for what in ("missed", "false"):
        for line in seen[what]:
            print(f"     {what}: {line}")
    name = f"{kind}: {DAYS} days of two schedules"
    return [
        at_least(f"{name}: hand-overs", 4 * DAYS, seen["true"], "hand-overs"),
        exactly(f"{name}: not told", 0, len(seen["missed"]), "hand-overs"),
        exactly(f"{name}: told twice or falsely", 0, len(seen["false"]), "hand-overs"),
        at_most(f"{name}: told after at most", _WITHIN_MINUTES, seen["latest_minutes"], "minutes"),
        exactly(
            f"{name}: get-on-call at {INSTANTS:,} instants, unlike the truth", 0, seen["wrong"], "answers"
        ),
    ]
