"""Renewals: many processes renew many expired grants at once; the sign-in fails; a grant is revoked."""

import json
import subprocess
import time
from collections import Counter
from typing import Any

from bench.edge import calls
from bench.figures import SHORT, Row, at_most, exactly
from bench.stack import Stack, wait_for

PROCESSES, GRANTS, ROUNDS, FAULTS = (5, 20, 2, 100) if SHORT else (20, 50, 5, 1_000)
_INSIDE = "bench.edge.inside"
_MINUTE = 60.0
_TROUBLE = [
    {"kind": "status", "status": 503, "probability": 0.4},
    {"kind": "status", "status": 500, "probability": 0.4},
    {"kind": "drop_before", "probability": 0.6},
    {"kind": "rate_limit", "headers": False},
]


def measure(kind: str, port: int) -> list[Row]:
    with Stack(kind, port) as stack:
        seed = stack.seed()
        stack.python("-m", _INSIDE, "connect", str(GRANTS))
        rows = _together(stack, kind) + _in_trouble(stack, kind)
        return rows + _revoked(stack, seed, kind)


def _together(stack: Stack, kind: str) -> list[Row]:
    """Let each process get a token of each grant, all at the same time, round after round."""
    processes = [stack.talk("-m", _INSIDE, "renew", str(number)) for number in range(PROCESSES)]
    try:
        for process in processes:
            _line(process)
        before, unlike = _renewals(stack), 0
        for _ in range(ROUNDS):
            stack.python("-m", _INSIDE, "expire")
            for process in processes:
                _tell(process)
            answers = [json.loads(_line(process)) for process in processes]
            unlike += sum(len({answer[key] for answer in answers}) != 1 for key in answers[0])
        after = _renewals(stack)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    name = f"{kind}: {PROCESSES} processes, {GRANTS} grants, {ROUNDS} rounds"
    return [
        exactly(f"{name}: renewals", GRANTS * ROUNDS, after["done"] - before["done"]),
        exactly(f"{name}: invalid_grant", 0, after["refused"] - before["refused"]),
        exactly(f"{name}: grants of which not all got the same token", 0, unlike),
    ]


def _tell(process: subprocess.Popen[str]) -> None:
    if process.stdin is None:
        raise RuntimeError("no process to write to")
    process.stdin.write("go\n")
    process.stdin.flush()


def _line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError("a process has ended")
    return line


def _renewals(stack: Stack) -> dict[str, int]:
    found: dict[str, int] = stack.sandbox("GET", "state")["renewals"]
    return found


def _in_trouble(stack: Stack, kind: str) -> list[Row]:
    """Let temporary faults of the token endpoint strike a number of times."""
    rules = [rule | {"path": "/oauth/token", "seed": number} for number, rule in enumerate(_TROUBLE)]
    stack.sandbox("POST", "faults", {"rules": rules})
    process, struck = stack.talk("-m", _INSIDE, "renew", "0"), 0
    _line(process)
    while struck < FAULTS:
        stack.python("-m", _INSIDE, "expire")
        _tell(process)
        _line(process)
        struck = sum(rule["hits"] for rule in stack.sandbox("GET", "faults")["rules"])
    stack.sandbox("DELETE", "faults")
    dead = _states(stack)["error"]
    stack.python("-m", _INSIDE, "expire")
    _tell(process)
    answers = Counter(len(token) for token in json.loads(_line(process)).values())
    process.kill()
    process.wait()
    return [
        exactly(f"{kind}: connections given up in {FAULTS} faults of the sign-in", 0, dead),
        exactly(f"{kind}: of these with a token once it was over", GRANTS, answers[16]),
    ]


def _states(stack: Stack) -> Counter[str]:
    found = stack.rows("SELECT status, COUNT(*) FROM connections_connection GROUP BY status")
    return Counter(dict(found))


def _revoked(stack: Stack, seed: dict[str, Any], kind: str) -> list[Row]:
    """Remove the app in PagerDuty; the next request detects it."""
    before = _renewals(stack)["refused"]
    stack.sandbox("POST", "grants/revoke", {})
    began = time.monotonic()
    calls.begin(stack, seed, "list-services", [{}])
    of_seed = f"SELECT status FROM connections_connection WHERE id = '{_stored(stack, seed['connection'])}'"
    wait_for("it to be noticed", lambda: stack.rows(of_seed)[0][0] == "error", _MINUTE)
    return [
        at_most(f"{kind}: a true revocation is noticed after", _MINUTE, time.monotonic() - began, "s"),
        at_most(f"{kind}: renewals that were tried for it", 3, _renewals(stack)["refused"] - before, ""),
    ]


def _stored(stack: Stack, some_id: str) -> str:
    """Return an id as the database stores it."""
    return some_id.replace("-", "") if stack.env["DATABASE_URL"].startswith("sqlite") else some_id
