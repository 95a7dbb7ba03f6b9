"""Back-off: how long to wait before the next attempt, never slept away but written on a row."""

import random

_FIRST = 2.0
_LONGEST = 15 * 60.0


def delay(attempt: int, retry_after: float | None = None) -> float:
    """Seconds to wait after the `attempt`-th failure (from 1).

    What the other side asked for counts, plus up to a tenth; otherwise 2, 4, 8 … seconds, at most 15
    minutes, of which a random half is taken off so that many failures do not come back together.
    """
    if retry_after is not None:
        return retry_after + random.uniform(0, 0.1) * max(retry_after, 1.0)  # noqa: S311 - jitter
    longest: float = min(_FIRST * 2 ** min(attempt - 1, 16), _LONGEST)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
