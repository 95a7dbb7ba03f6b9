"""The rate limit: requests a minute for each user and app (developer docs, rate limiting)."""

import threading
import time


class RateLimit:
    """Fixed windows of a minute."""

    def __init__(self, per_minute: int = 960) -> None:
        self.per_minute = per_minute
        self._windows: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def take(self, who: str) -> tuple[bool, dict[str, str]]:
        """Count a request; return whether it is within the limit, and the ratelimit-* headers."""
        now = time.monotonic()
        with self._lock:
            started, used = self._windows.get(who, (now, 0))
            if now - started >= 60:
                started, used = now, 0
            used += 1
            self._windows[who] = (started, used)
        headers = {
            "ratelimit-limit": str(self.per_minute),
            "ratelimit-remaining": str(max(0, self.per_minute - used)),
            "ratelimit-reset": str(max(1, round(60 - (now - started)))),
        }
        return used <= self.per_minute, headers
