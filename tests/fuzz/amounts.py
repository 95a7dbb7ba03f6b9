"""How much of it: a hundredth in the suite and the same each time, all of it in `make fuzz`, a tenth with SHORT=1."""

import os

from hypothesis import HealthCheck, Phase, settings

FULL = os.environ.get("FUZZ") == "1"
_SHARE = 100 if not FULL else 10 if os.environ.get("SHORT") == "1" else 1


def amount(full: int, least: int = 1) -> int:
    """How many of `full` this run makes, at least `least`."""
    return max(least, full // _SHARE)


def examples(full: int, least: int = 1) -> settings:
    """Hypothesis' settings for that many."""
    return settings(
        max_examples=amount(full, least),
        derandomize=not FULL,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
