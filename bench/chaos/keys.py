"""Change SECRET_KEY and the encryption keys while events wait."""

import os
import secrets
import signal
import time

from bench.chaos import counts
from bench.chaos.sender import Sender, lanes_of
from bench.chaos.traffic import EMPTY_WITHIN, empty, incidents, tenants
from bench.figures import SHORT, Row, at_least, at_most, exactly
from bench.stack import Stack

_EVENTS = 50 if SHORT else 1000
_TENANTS = 5


def measure(port: int) -> list[Row]:
    """Rotate as docs/operations.md says: new keys first, re-encrypt, then remove the old keys."""
    old, new = (secrets.token_urlsafe(48) for _ in range(2))
    env = {"SECRET_KEY": old, "ENCRYPTION_KEYS": f"{old}", "DEBUG": "true"}
    with Stack("postgresql", port, env=env) as stack:
        everybody = tenants(stack, [f"Client {number}" for number in range(_TENANTS)])
        os.killpg(stack.child("qcluster"), signal.SIGSTOP)
        sender = Sender(lanes_of(everybody, incidents(stack, 50), _EVENTS), 400.0)
        sender.start()
        sender.wait()
        waiting = counts.unfinished(stack)
        stack.kill()
        stack.env |= {
            "SECRET_KEY": new,
            "SECRET_KEY_FALLBACKS": old,
            "ENCRYPTION_KEYS": f"{new},{old}",
        }
        stack.start()
        print(f"     {stack.python('manage.py', 'rotate_encryption').strip()}")
        stack.stop()
        stack.env |= {"ENCRYPTION_KEYS": new, "SECRET_KEY_FALLBACKS": ""}
        stack.start()
        empty_after = empty(stack, time.monotonic())
        found = counts.count(stack, sender.accepted)
        done = counts.finished(stack)
    name = f"keys changed with {_EVENTS} events waiting"
    return [
        at_least(f"{name}: waiting when everything was stopped", _EVENTS * 0.9, waiting, "events"),
        exactly(f"{name}: run", _EVENTS, done, "runs"),
        *counts.rows(name, found),
        at_most(f"{name}: queue empty", EMPTY_WITHIN, empty_after, "s"),
    ]
