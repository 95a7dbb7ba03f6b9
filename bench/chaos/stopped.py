"""Stuck workers: one that sleeps beyond its lease, and a cluster that waits for the lock of a dead process."""

import os
import signal
import time

from bench import processes
from bench.chaos import counts
from bench.chaos.sender import Sender, lanes_of
from bench.chaos.traffic import EMPTY_WITHIN, empty, incidents, tenants
from bench.figures import Row, at_least, at_most, exactly
from bench.stack import Stack, wait_for

# A lease of a run or a call lasts 30 seconds (workflows.engine.leases, workflows.calls.leases), and a cluster that
# is silent for 45 is killed (taskjuice.process.watchdog), which would end the sleep early.
_ASLEEP_SECONDS = 36.0
_EVENTS = 40
_ANSWERS_AFTER = 3.0


def asleep(port: int) -> list[Row]:
    """Stop all workers of one node (SIGSTOP) with requests in flight; another node takes their runs over."""
    name = f"holder of leases asleep for {_ASLEEP_SECONDS:.0f} s"
    with Stack("postgresql", port) as stack:
        other = stack.another_node(port + 5, "awake")
        everybody = tenants(stack, ["Client 1", "Client 2"])
        slow = {"kind": "delay", "method": "POST", "path": "/notes$", "seconds": _ANSWERS_AFTER, "times": 2}
        stack.sandbox("POST", "faults", {"rules": [slow]})
        sender = Sender(lanes_of(everybody, incidents(stack, 10), _EVENTS), 20.0)
        sender.start()
        held = "SELECT COUNT(*) FROM workflows_actioncall WHERE status = 'running' AND unsure"
        wait_for("two requests on the way", lambda: stack.rows(held)[0][0] >= 2)
        group = stack.child("qcluster")
        os.killpg(group, signal.SIGSTOP)
        since = time.monotonic()
        try:
            other.start()
            sender.wait()
            time.sleep(max(0.0, since + _ASLEEP_SECONDS - time.monotonic()))
            took_over = counts.finished(stack)
            os.killpg(group, signal.SIGCONT)
            empty_after = empty(stack, time.monotonic())
        finally:
            processes.resume_group(group)
            other.close()
        found = counts.count(stack, sender.accepted)
    return [
        at_least(f"{name}: runs that others ended meanwhile", _EVENTS // 2, took_over, "runs"),
        *counts.rows(name, found),
        at_most(f"{name}: queue empty after it woke", EMPTY_WITHIN, empty_after, "s"),
    ]


def deadlock(port: int) -> list[Row]:
    """Kill idle task workers: their successors wait for a lock that the dead one holds (django-q2, issue 23)."""
    name = "idle task workers killed"
    with Stack("postgresql", port) as stack:
        everybody = tenants(stack, ["Client 1"])
        group = stack.child("qcluster")
        (sentinel,) = processes.children(group)
        for pid in processes.children(sentinel):
            os.kill(pid, signal.SIGKILL)
        sender = Sender(lanes_of(everybody, incidents(stack, 10), _EVENTS), 20.0)
        sender.start()
        sender.wait()
        empty_after = empty(stack, time.monotonic())
        found = counts.count(stack, sender.accepted)
        stuck = stack.log.read_text().count("workers_stuck")
    print(f"     the watchdog restarted the cluster {stuck} times", flush=True)
    return [
        exactly(f"{name}: accepted", _EVENTS, len(sender.accepted), "events"),
        *counts.rows(name, found),
        at_most(f"{name}: queue empty", 90.0, empty_after, "s"),
    ]
