"""Deadlines: workers are killed, deliveries come late or are recovered, and exactly what is overdue passes, once."""

import contextlib
import json
import os
import random
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from bench import processes, resend
from bench.figures import SHORT, Row, exactly
from bench.stack import Stack, wait_for
from pagerduty_app import signatures

INCIDENTS, KILLS = (200 if SHORT else 2_000), 20
_MINUTES = 1
_BATCH = 20
# Of each batch, so many are delivered when the time has passed; of the last ones, half of these are recovered instead:
# one recovery takes at most 500 changes (pagerduty_app.subscriptions.backfill).
_LATE = 8
_RECOVERED_OF = 10
_KEY = "pagerduty/incident-not-acknowledged"
_KILLED_UNTIL = _MINUTES * 60 + 40.0
# A check that was killed is made again when its lease has run out (90 to 180 s), which may happen more than once.
_PATIENCE = 900.0


def measure(kind: str, port: int) -> list[Row]:
    with Stack(kind, port) as stack:
        seed = stack.seed()
        stack.sandbox("POST", "settings", {"rate_limit": 1_000_000})
        trigger = _trigger(stack, seed)
        killer = _Killer(stack)
        killer.start()
        overdue, late, recovered = _incidents(stack)
        time.sleep(_MINUTES * 60 + 5)
        for incident in late:
            _deliver(trigger, incident)
        order = {"trigger": trigger["id"], "incidents": recovered}
        stored = int(stack.python("-m", "bench.edge.inside", "recover", stdin=json.dumps(order)))
        killer.join()
        wait_for("each deadline to end", lambda: _all_ended(stack, trigger), _PATIENCE, every=1.0)
        print(f"     {len(late)} late, {stored} changes recovered; killed: {dict(killer.killed)}", flush=True)
        return _figures(stack, kind, overdue)


def _trigger(stack: Stack, seed: dict[str, Any]) -> dict[str, Any]:
    """Return {"id", "url", "secret"} of a trigger with a webhook; those of the demo do nothing meanwhile."""
    for other in seed["triggers"].values():
        answer = stack.http.patch(
            f"{stack.url}/api/v1/triggers/{other['id']}/",
            json={"status": "paused"},
            headers={"Authorization": f"Bearer {seed['api_key']}"},
            timeout=30,
        )
        answer.raise_for_status()
    wanted = {"key": _KEY, "connection": seed["connection"], "options": {"minutes": _MINUTES}}
    made: dict[str, Any] = stack.api(seed["api_key"], "triggers/", wanted)
    secret = stack.sandbox("POST", "subscriptions", {"account": "acme", "url": made["url"]})["secret"]
    stack.api(seed["api_key"], f"triggers/{made['id']}/secrets/", {"secret": secret})
    return {**made, "secret": secret}


def _incidents(stack: Stack) -> tuple[set[str], list[dict[str, Any]], list[str]]:
    """Make them, and acknowledge every second. Return the others, those to deliver late, and those to recover."""
    overdue, late, recovered = set[str](), list[dict[str, Any]](), list[str]()
    batches = INCIDENTS // _BATCH
    for number in range(batches):
        told = {"count": _BATCH - _LATE, "service_id": "PSVC01"}
        announced = stack.sandbox("POST", "incidents", told)["incidents"]
        unheard = stack.sandbox("POST", "incidents", {**told, "count": _LATE, "silent": True})["incidents"]
        some = _LATE // 2 if number >= batches - _RECOVERED_OF else 0
        recovered += unheard[:some]
        late += [stack.sandbox("GET", f"incidents/{some_id}")["incident"] for some_id in unheard[some:]]
        made = [*announced, *unheard]
        for some_id in made[::2]:
            stack.sandbox("POST", f"incidents/{some_id}/acknowledge", {})
        overdue.update(made[1::2])
    return overdue, late, recovered


def _deliver(trigger: dict[str, Any], incident: dict[str, Any]) -> None:
    """Deliver that it was triggered, as PagerDuty does after hours in which nothing arrived."""
    event = {
        "id": f"LATE{incident['id']}",
        "event_type": "incident.triggered",
        "occurred_at": incident["created_at"],
        "data": {
            "type": "incident",
            **{name: incident[name] for name in ("id", "title", "service", "urgency")},
        },
    }
    body = json.dumps({"event": event}).encode()
    signed = {"X-PagerDuty-Signature": signatures.sign(body, trigger["secret"])}
    resend.post(trigger["url"], data=body, headers=signed)


def _all_ended(stack: Stack, trigger: dict[str, Any]) -> bool:
    """Return whether each delivery has arrived and been handled, and no deadline is open."""
    waiting = stack.rows("SELECT COUNT(*) FROM workflows_event WHERE status = 'queued'")[0][0]
    open_ = stack.rows("SELECT COUNT(*) FROM workflows_deadline WHERE status = 'open'")[0][0]
    begun = stack.rows("SELECT COUNT(*) FROM workflows_deadline")[0][0]
    return not waiting and not open_ and begun == INCIDENTS


class _Killer(threading.Thread):
    """Kill one task process, or all of them, while deadlines begin and pass; the watchdog starts them again."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self._stack, self._chance = stack, random.Random(7)
        self.killed: Counter[str] = Counter()
        self._last_beat: Any = None

    def run(self) -> None:
        for _ in range(KILLS):
            time.sleep(_KILLED_UNTIL / KILLS)
            self._wait_for_a_beat()
            what = self._chance.choice(["all", "one", "one"])
            while not self._kill(what):
                time.sleep(0.1)
            self.killed[what] += 1

    def _wait_for_a_beat(self) -> None:
        """Wait until a worker has worked since the last kill: one that is killed as it starts proves nothing."""
        beat = "SELECT MAX(beat_at) FROM workflows_heartbeat"
        wait_for("a worker", lambda: self._stack.rows(beat)[0][0] != self._last_beat, _PATIENCE)
        self._last_beat = self._stack.rows(beat)[0][0]

    def _kill(self, what: str) -> bool:
        with contextlib.suppress(RuntimeError, ProcessLookupError, FileNotFoundError, IndexError):
            group = self._stack.child("qcluster")
            if what == "all":
                processes.kill_group(group)
            else:
                os.kill(self._chance.choice(list(processes.of_group(group))), 9)
            return True
        return False


def _figures(stack: Stack, kind: str, overdue: set[str]) -> list[Row]:
    passed = stack.rows("SELECT lane, body FROM workflows_event WHERE source = 'deadline'")
    began = {
        lane: json.loads(bytes(body))["event"]["occurred_at"]
        for lane, body in stack.rows(
            "SELECT lane, body FROM workflows_event WHERE event_type = 'incident.triggered'"
        )
    }
    times = Counter(lane for lane, _ in passed)
    early = sum(
        _checked_at(body) < _moment(began[lane]) + timedelta(minutes=_MINUTES) for lane, body in passed
    )
    name = f"{kind}: of {INCIDENTS} incidents, {KILLS} kills"
    return [
        exactly(f"{name}: overdue ones that passed", len(overdue), len(overdue & times.keys())),
        exactly(f"{name}: acknowledged ones that passed", 0, len(times.keys() - overdue)),
        exactly(f"{name}: passed more than once", 0, sum(count > 1 for count in times.values())),
        exactly(f"{name}: passed early", 0, early),
    ]


def _checked_at(body: Any) -> datetime:
    return _moment(json.loads(bytes(body))["event"]["data"]["deadline"]["checked_at"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
