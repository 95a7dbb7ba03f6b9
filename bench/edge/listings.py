"""Complete listings: around and beyond 10,000 rows, in constant memory, and while the list changes."""

import json
import random
from collections.abc import Iterator
from typing import Any

import requests

from bench.figures import SHORT, Row, at_most, exactly
from bench.stack import Stack

# On separate services, so that one account holds them all.
COUNTS = (
    {"PSVC00": 1_000, "PSVC01": 1_001} if SHORT else {"PSVC00": 9_999, "PSVC01": 10_000, "PSVC02": 10_001}
)
MANY = 10_050 if SHORT else 45_000
CHANGING, ADDED, LEFT, DELETED = (400, 40, 40, 10) if SHORT else (2_000, 200, 200, 50)
_MEGABYTE = 1024.0  # in kB
_MOST_MEGABYTES = 24.0


def measure(kind: str, port: int) -> list[Row]:
    with Stack(kind, port) as stack:
        seed = stack.seed()
        stack.sandbox("POST", "settings", {"rate_limit": 1_000_000})
        rows = []
        for service, count in COUNTS.items():
            made = _fill(stack, service, count)
            found = [row["id"] for row in _rows(stack, seed, service)]
            rows.append(exactly(f"{kind}: listed of {count:,}", count, len(found)))
            rows.append(exactly(f"{kind}: missing or twice of {count:,}", 0, _differences(made, found)))
        return rows + _of_many(stack, seed, kind) + _while_it_changes(stack, seed, kind)


def _fill(stack: Stack, service: str, count: int, urgency: str = "high") -> list[str]:
    """Create incidents of the last weeks or months."""
    body = {"service_id": service, "urgency": urgency, "count": count, "apart": 97, "silent": True}
    made: list[str] = stack.sandbox("POST", "incidents", body)["incidents"]
    return made


def _rows(stack: Stack, seed: dict[str, Any], service: str, **more: Any) -> Iterator[dict[str, Any]]:
    """Yield the lines of a stream of the service's incidents. Raise RuntimeError unless it ends complete."""
    url = f"{stack.url}/api/v1/connections/{seed['connection']}/actions/pagerduty/list-incidents/"
    headers = {"Authorization": f"Bearer {seed['api_key']}", "Accept": "application/x-ndjson"}
    body = {"service_ids": [service], "date_range": "all", **more}
    last: Any = {}
    with requests.post(url, json=body, headers=headers, stream=True, timeout=120) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines(chunk_size=64 * 1024):
            last = json.loads(line)
            if "id" in last:
                yield last
    if not last.get("summary", {}).get("complete"):
        raise RuntimeError(f"the stream ended with {str(last)[:400]}")


def _differences(made: list[str], found: list[str]) -> int:
    return len(set(made) ^ set(found)) + len(found) - len(set(found))


def _of_many(stack: Stack, seed: dict[str, Any], kind: str) -> list[Row]:
    made = _fill(stack, "PSVC03", MANY)
    before = stack.peak_kilobytes("granian")
    found = [row["id"] for row in _rows(stack, seed, "PSVC03")]
    grown = (stack.peak_kilobytes("granian") - before) / _MEGABYTE
    return [
        exactly(f"{kind}: listed of {MANY:,}", MANY, len(found)),
        exactly(f"{kind}: missing or twice of {MANY:,}", 0, _differences(made, found)),
        at_most(
            f"{kind}: peak memory of the web processes grew while they streamed it",
            _MOST_MEGABYTES,
            grown,
            "MB",
        ),
    ]


def _while_it_changes(stack: Stack, seed: dict[str, Any], kind: str) -> list[Row]:
    """Change the list at a random place before each of a number of lines."""
    chance = random.Random(6)
    made = _fill(stack, "PSVC00", CHANGING, urgency="low")
    left = set(chance.sample(made, LEFT))
    deleted = set(chance.sample(sorted(set(made) - left), DELETED))
    acts = [("add", "")] * ADDED + [("resolve", row) for row in left] + [("delete", row) for row in deleted]
    chance.shuffle(acts)
    step = max(1, (CHANGING - LEFT - DELETED) // len(acts))
    found = []
    for number, row in enumerate(_rows(stack, seed, "PSVC00", statuses=["triggered"], urgencies=["low"])):
        found.append(row["id"])
        if number % step == 0 and acts:
            _act(stack, *acts.pop())
    throughout = set(made) - left - deleted
    return [
        exactly(f"{kind}: changes that came while it was read", 0, len(acts), "left over"),
        exactly(
            f"{kind}: missing of {len(throughout):,} that were there throughout",
            0,
            len(throughout - set(found)),
        ),
        exactly(f"{kind}: listed twice meanwhile", 0, len(found) - len(set(found))),
    ]


def _act(stack: Stack, what: str, incident: str) -> None:
    if what == "add":
        stack.sandbox("POST", "incidents", {"service_id": "PSVC00", "urgency": "low", "silent": True})
    elif what == "delete":
        stack.sandbox("DELETE", f"incidents/{incident}")
    else:
        stack.sandbox("POST", f"incidents/{incident}/resolve", {})
