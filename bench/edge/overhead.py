"""The overhead of our client beside plain requests and PagerDuty's own Python client, in one run."""

import json

from bench.figures import SHORT, Row, at_most
from bench.stack import Stack

# Many short turns. An incident holds 2,000 notes (PagerDuty), and three clients write.
CALLS, TURNS, LISTED, LISTINGS = (10, 42, 2_000, 7) if SHORT else (10, 63, 10_000, 7)
_CALL, _LISTING = 1.3, 1.2


def measure(kind: str, port: int) -> list[Row]:
    with Stack(kind, port) as stack:
        seed = stack.seed()
        stack.sandbox("POST", "settings", {"rate_limit": 10_000_000})
        fill = {"service_id": "PSVC02", "count": LISTED, "apart": 60, "silent": True}
        incident = stack.sandbox("POST", "incidents", fill)["incidents"][0]
        numbers = map(str, (CALLS, TURNS, LISTED, LISTINGS))
        arguments = ("-m", "bench.edge.clients", stack.sandbox_url, seed["connection"], incident, *numbers)
        times = json.loads(stack.python(*arguments))
    for name, took in times.items():
        print(f"     {name}: " + ", ".join(f"{how} {value:.3f}" for how, value in took.items()))
    call, listing = times["a note, ms"], times["a listing, s"]
    return [
        at_most("a note: ours to requests by itself", _CALL, call["ours"] / call["requests"], "times"),
        at_most(
            f"listing {LISTED:,}: ours to requests by itself",
            _LISTING,
            listing["ours"] / listing["requests"],
            "times",
        ),
    ]
