"""A Redis that comes and goes: callers of the cache never notice."""

import json
import pickle
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.core.cache.backends.base import BaseCache

from bench.ports import free_port
from taskjuice import cache as steady
from taskjuice import settings as settings_module
from taskjuice.cache import SteadyRedis
from workflows.calls.lookups import Choices
from workflows.catalog import Option

START = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def start(port: int, tmp_path: Path) -> Iterator[START]:
    running: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        command = [
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(tmp_path),
        ]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        client, end = redis.Redis(port=port), time.monotonic() + 20
        while True:
            try:
                client.ping()
                return running[-1]
            except redis.exceptions.ConnectionError:
                assert time.monotonic() < end

    yield begin
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def cache(port: int, monkeypatch: pytest.MonkeyPatch) -> BaseCache:
    monkeypatch.setattr(steady, "_left_alone_until", {})
    monkeypatch.setattr(steady, "_LEFT_ALONE", 0.0)
    options = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    return SteadyRedis(f"redis://127.0.0.1:{port}/0", {"OPTIONS": options})


def test_without_redis_a_process_remembers_for_itself(cache: BaseCache) -> None:
    assert cache.get("a") is None
    assert cache.add("a", 1)
    assert not cache.add("a", 2)
    assert cache.incr("a") == 2
    assert cache.get_many(["a", "b"]) == {"a": 2}
    assert cache.get_or_set("b", 5) == 5
    cache.set_many({"c": 1})
    assert cache.touch("c")
    assert "c" in cache
    assert cache.delete("c")
    cache.clear()
    assert cache.get("a") is None


def test_with_redis_others_see_it_also_after_it_was_away(cache: BaseCache, start: START, port: int) -> None:
    first = start()
    cache.set("a", 1)
    assert redis.Redis(port=port).dbsize() == 1

    first.kill()
    first.wait()
    assert cache.get("a") is None
    cache.set("a", 2)
    start()
    cache.set("a", 3)

    assert redis.Redis(port=port).dbsize() == 1
    assert cache.get("a") == 3


def test_one_that_does_not_answer_is_left_alone_for_a_while(
    cache: BaseCache, start: START, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    cache.set("a", "shared")
    monkeypatch.setattr(steady, "_left_alone_until", {cache._name: float("inf")})  # type: ignore[attr-defined]

    assert cache.get("a") is None


class Opened:
    """What a pickle runs when it is read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("import tests.taskjuice.test_cache as here; here.RAN.append(1)",)


RAN: list[int] = []


def test_nothing_that_is_read_from_redis_is_run(cache: BaseCache, start: START, port: int) -> None:
    start()
    cache.set("a", {"kept": [1, "two", None, True]})
    cache.set("count", 1)
    assert cache.get("a") == {"kept": [1, "two", None, True]}
    assert cache.incr("count") == 2
    assert cache.add("seen", True)
    assert cache.get("seen") is True

    there = redis.Redis(port=port)
    for key in list(there.scan_iter()):
        there.set(key, pickle.dumps(Opened()))
    assert [cache.get(key) for key in ("a", "count", "seen")] == [None, None, None]
    assert RAN == []


def test_what_earlier_releases_kept_is_not_read() -> None:
    """They kept pickles under version 1, where sign-in limits would be found unreadable."""
    config = settings_module._cache({"BACKEND": "django.core.cache.backends.redis.RedisCache"})
    assert config["VERSION"] == 2
    assert settings_module._cache({"BACKEND": "redis", "VERSION": 7})["VERSION"] == 7


def test_choices_are_kept_as_json() -> None:
    found = Choices([Option("P1", "Payments"), Option("P2", "\u00dcber")], complete=False)
    assert Choices.of_json(json.loads(json.dumps(found.as_json()))) == found
