"""Redis as the shared cache, which may go away: then each process remembers for itself until it is back.

What is cached here are look-ups and counters of attempts to sign in; nothing is lost with it. Without this, every
page, action and sign-in would fail while Redis restarts.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError


class Json:
    """A cache serializer: JSON, because unpickling runs what it reads, and others may write to that Redis.

    Whole numbers are kept as they are, so that Redis can count with them. What cannot be read is as if not there.
    """

    def dumps(self, value: Any) -> int | bytes:
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None


log = structlog.get_logger(__name__)

# How long it is left alone after it did not answer, so that not every request waits for it.
_LEFT_ALONE = 2.0
_left_alone_until: dict[str, float] = {}
_METHODS = (
    *("add", "get", "set", "touch", "delete", "incr", "has_key", "get_many", "set_many", "delete_many"),
    "clear",
)


class SteadyRedis(RedisCache):
    """CACHES["default"]["BACKEND"] where CACHE_URL is a Redis. Never raises RedisError."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        options = {**params.get("OPTIONS", {}), "serializer": Json()}
        super().__init__(server, {**params, "OPTIONS": options})
        self._name = str(server).rpartition("@")[2]
        kept = {name: value for name, value in params.items() if name.lower() != "options"}
        self._beside = LocMemCache(f"beside {self._name}", kept)


def _steady(name: str) -> Callable[..., Any]:
    asked: Callable[..., Any] = getattr(RedisCache, name)

    def method(self: SteadyRedis, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= _left_alone_until.get(self._name, 0.0):
            try:
                return asked(self, *args, **kwargs)
            except RedisError as error:
                log.warning("cache_away", error=type(error).__name__)
                _left_alone_until[self._name] = time.monotonic() + _LEFT_ALONE
        return getattr(self._beside, name)(*args, **kwargs)

    method.__name__ = name
    return method


for _name in _METHODS:
    setattr(SteadyRedis, _name, _steady(_name))
