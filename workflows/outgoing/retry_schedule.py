"""The retry schedule of a failed delivery: at least ten attempts over a little more than three days."""

import random
from datetime import timedelta

# Standard Webhooks' own schedule, its last wait longer, so that the shortest way through takes over 76 hours. Jitter
# only adds: what failed together does not come back together.
_WAITS = [
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=26),
]
_JITTER = 0.2
MAX_ATTEMPTS = len(_WAITS) + 1
SHORTEST = sum(_WAITS, timedelta())


def wait_after(attempt: int, tried_for: timedelta) -> timedelta | None:
    """The time to wait after the `attempt`-th failure (from 1); None after the last attempt.

    tried_for: the time since the first attempt. Attempts may come before their time (workflows.outgoing.attempt), and
    then there are more of them: nothing is given up earlier than the schedule has it.
    """
    wait = _WAITS[min(attempt, len(_WAITS)) - 1]
    if attempt > len(_WAITS):
        wait = min(wait, SHORTEST - tried_for)
    if wait <= timedelta():
        return None
    return wait * random.uniform(1.0, 1.0 + _JITTER)  # noqa: S311 - jitter
