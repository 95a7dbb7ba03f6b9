"""kill -9 of random parts of the product, one after the other, and restarts as by an init system."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from bench import processes
from bench.stack import Stack, wait_for

# Children of `manage.py up`: part of the command line, and how often the child is chosen.
_PARTS = {
    "all task workers": ("qcluster", 6),
    "one task process": ("qcluster", 8),
    "all web processes": ("granian", 3),
    "one web process": ("granian", 6),
    "the watchdog": ("", 1),
    "the sandbox": ("pagerduty_sandbox", 2),
}
_RESTART_AFTER = 1.0
_PATIENCE = 300.0


class Killer:
    """Kill a number of times at random moments; restart `manage.py up` as systemd would.

    done: returns the share of the work that is done, 0 to 1. settle: sets the sandbox, which forgets it when killed.
    before_each: called before each kill.
    """

    def __init__(
        self,
        stack: Stack,
        kills: int,
        done: Callable[[], float],
        *,
        settle: Callable[[], None],
        before_each: Callable[[], None] = lambda: None,
        seed: int = 3,
    ) -> None:
        self._stack, self._kills, self._done, self._settle_at_once = stack, kills, done, settle
        self._before_each = before_each
        self._chance = random.Random(seed)
        self.killed: Counter[str] = Counter()
        self.last = 0.0
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep)

    def __enter__(self) -> "Killer":
        self._keeper.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._keeper.join()

    def run(self) -> None:
        """Do all kills, one after the other; wait for a part that is just restarting."""
        weights = [weight for _, weight in _PARTS.values()]
        for number in range(self._kills):
            moment = (number + self._chance.random()) / (self._kills + 1)
            wait_for("the next kill", partial(self._come_to, moment), _PATIENCE, every=0.3)
            part = self._chance.choices(list(_PARTS), weights)[0]
            self._before_each()
            while not self._kill(part):
                time.sleep(0.1)
            self.killed[part] += 1
        self.last = time.monotonic()

    def _come_to(self, moment: float) -> bool:
        return self._done() >= moment

    def _kill(self, part: str) -> bool:
        pid = self._stack.up
        if pid is None:
            return False
        try:
            if part == "the watchdog":
                os.kill(pid, signal.SIGKILL)
                return True
            group = self._stack.child(_PARTS[part][0])
            if part.startswith("one"):
                os.kill(self._chance.choice(list(processes.of_group(group))), signal.SIGKILL)
            else:
                os.killpg(group, signal.SIGKILL)
        except (RuntimeError, ProcessLookupError, FileNotFoundError, IndexError):
            return False
        if part == "the sandbox":
            self._settle()
        return True

    def _keep(self) -> None:
        while not self._over.wait(0.1):
            if self._stack.up is None:
                time.sleep(_RESTART_AFTER)
                self._stack.launch()
                self._settle()

    def _settle(self) -> None:
        """Set the restarted sandbox as soon as it answers."""
        for _ in range(200):
            with contextlib.suppress(Exception):
                self._settle_at_once()
                return
            time.sleep(0.05)
