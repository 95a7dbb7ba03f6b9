"""Processor time that is comparable between machines: measured beside a fixed loop, in the same moment."""

import gc
import time
from collections.abc import Callable

# The loop below, on a machine that runs `make test` in 110 s, for which the bounds in tests are meant.
_LOOP_SECONDS = 0.003


def processor_seconds(act: Callable[[], object], turns: int = 3) -> float:
    """Return the least processor time of `turns` calls, in seconds of a machine that runs the loop in 3 ms.

    A machine may be half as fast for minutes. Then the loop takes twice as long as well.
    """
    return min(_measured(act) / _measured(_loop) for _ in range(turns)) * _LOOP_SECONDS


def _measured(act: Callable[[], object]) -> float:
    """Return seconds without the garbage collector's, which grow with what else the test process holds."""
    gc.disable()
    try:
        began = time.thread_time()
        act()
        return time.thread_time() - began
    finally:
        gc.enable()


def _loop() -> None:
    total = 0
    for number in range(100_000):
        total += number
