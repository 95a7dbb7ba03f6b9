"""The settings of a product whose clock is wrong by the seconds in the file CLOCK; see bench.chaos.clocks."""

import os
import time
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from taskjuice.settings import *  # noqa: F403

_CLOCK = Path(os.environ["CLOCK"])
_right_time, _right_now = time.time, timezone.now


def _wrong() -> float:
    return float(_CLOCK.read_text() or 0)


time.time = lambda: _right_time() + _wrong()
# Before models are loaded, whose defaults refer to it.
timezone.now = lambda: _right_now() + timedelta(seconds=_wrong())
