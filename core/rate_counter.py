"""Counts how often something happens, in the cache that all processes share (CACHE_URL)."""

import time

import structlog
from django.core.cache import cache

log = structlog.get_logger(__name__)


def too_often(name: str, *, most: int, seconds: int) -> int | None:
    """Count one more of `name`; seconds until the next window when that were more than `most`, else None.

    The windows are fixed, so around the end of one there can be twice as many in `seconds`. A cache that is away
    counts nothing and limits nothing. most: 0 for no limit.
    """
    if not most:
        return None
    now = time.time()
    key = f"rate:{name}:{int(now // seconds)}"
    try:
        cache.add(key, 0, seconds * 2)
        count = cache.incr(key)
    except Exception as error:  # noqa: BLE001 - each cache has errors of its own
        log.warning("rate_not_counted", error=type(error).__name__)
        return None
    return None if count <= most else max(1, round(seconds - now % seconds))
