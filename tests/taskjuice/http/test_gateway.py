"""What the gateway makes of a request before Django sees it; tests/flows/test_stalled.py does it over sockets."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from taskjuice.http import bodies, gateway
from taskjuice.http.gateway import Gateway
from taskjuice.http.loop_results import LoopResults

Headers = list[tuple[str, str]]


class Exchange:
    """One request as the server hands it over, and its answer."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.answers: list[tuple[int, Headers, bytes]] = []
        self.sent: list[bytes] = []

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk

    async def __call__(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        self.answers.append((status, headers, body))

    def response_stream(self, status: int, headers: Headers) -> Any:
        self.answers.append((status, headers, b""))
        return self

    async def send_bytes(self, piece: bytes) -> None:
        self.sent.append(piece)


class Stalled(Exchange):
    """A request of which the body never comes."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.begun.set()
        await asyncio.Event().wait()
        yield b""


class Deliveries(SimpleNamespace):
    """Everything is one that is known, and left to the application."""

    concern = staticmethod(lambda path: True)
    known = staticmethod(lambda environ: True)
    begin = staticmethod(lambda environ, body, then: 0)


def scope_of(path: str, *headers: tuple[str, str]) -> Any:
    return SimpleNamespace(
        server="h:1", client="h:1", scheme="http", http_version="1.1", method="POST", path=path,
        query_string="", headers=SimpleNamespace(items=lambda: headers),
    )  # fmt: skip


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [])
    return [json.dumps(seen | {"body": body.decode()}).encode()]


def ask(
    *headers: tuple[str, str],
    body: bytes | None = None,
    application: Callable[..., Iterable[bytes]] = echo,
    **options: Any,
) -> tuple[int, Any]:
    """Status and answer. A body is sent with its length, unless a header says otherwise."""
    path = options.pop("path", "/api/caf\u00e9")
    method = options.pop("method", "POST")
    given = [("host", "localhost"), *headers]
    if body is not None and "transfer-encoding" not in dict(headers):
        given.append(("content-length", str(len(body))))
    scope = SimpleNamespace(
        server="127.0.0.1:8000", client="[::ffff:10.0.0.1]:4711", scheme="http", http_version="1.1",
        method=method, path=path, query_string="q=1",
        headers=SimpleNamespace(items=lambda: given),
    )  # fmt: skip
    exchange = Exchange(*([body[:3], body[3:]] if body else []))
    app = Gateway(application, threads=1, **{"largest": 100} | options)
    asyncio.run(app.__rsgi__(scope, exchange))
    ((status, _, answer),) = exchange.answers
    return status, json.loads(answer or b"".join(exchange.sent))


def fails(*args: Any) -> list[bytes]:
    """An application that must not be asked."""
    raise AssertionError(args)


def code_of(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["code"]


def test_a_request_becomes_an_environ() -> None:
    status, seen = ask(("content-type", "text/plain"), ("cookie", "a=1"), ("cookie", "b=2"), body=b"whole")
    assert status == 200
    assert seen["PATH_INFO"].encode("latin-1").decode() == "/api/caf\u00e9"
    assert (seen["CONTENT_TYPE"], seen["HTTP_COOKIE"], seen["body"]) == ("text/plain", "a=1; b=2", "whole")
    assert (seen["QUERY_STRING"], seen["HTTP_HOST"], seen["SERVER_PORT"]) == ("q=1", "localhost", "8000")
    assert "SECRET_KEY" not in seen
    assert "PATH" not in seen


def test_a_body_in_chunks_has_its_length_counted() -> None:
    status, seen = ask(("transfer-encoding", "chunked"), body=b"in chunks")
    assert (status, seen["CONTENT_LENGTH"], seen["body"]) == (200, "9", "in chunks")


@pytest.mark.parametrize("headers", [(), (("transfer-encoding", "chunked"),)])
def test_a_body_that_is_too_large_is_413(headers: Any) -> None:
    assert code_of(ask(*headers, body=b"x" * 101)) == (413, "body_too_large")


def test_a_body_in_chunks_that_breaks_off_is_400() -> None:
    """The server ends each body with an empty chunk, and says by another that it broke off."""
    exchange = Exchange(b"a=1", b"", b"")
    app = Gateway(echo, threads=1, largest=100)
    asyncio.run(app.__rsgi__(scope_of("/api/", ("transfer-encoding", "chunked")), exchange))
    assert code_of((exchange.answers[0][0], json.loads(exchange.answers[0][2]))) == (400, "body_cut_short")


def test_a_short_body_whose_sender_leaves_is_400() -> None:
    class Left(Exchange):
        async def __call__(self) -> bytes:
            raise ProtocolClosed

    exchange, app = Left(), Gateway(echo, threads=1, largest=100)
    asyncio.run(app.__rsgi__(scope_of("/api/", ("content-length", "50")), exchange))
    ((status, _, answer),) = exchange.answers
    assert code_of((status, json.loads(answer))) == (400, "body_cut_short")


@pytest.mark.parametrize(
    ("length", "seconds", "is_too_slow"), [(8000, 7.0, False), (8000, 8.1, True), (50, 4.1, True)]
)
def test_a_short_body_has_the_time_that_its_length_needs(
    length: int, seconds: float, *, is_too_slow: bool
) -> None:
    assert bodies._Body("", 0.0, None, at_once=length).is_too_slow(seconds) is is_too_slow


def test_a_body_that_ends_too_early_is_400() -> None:
    assert code_of(ask(("content-length", "50"), ("transfer-encoding", "x"), body=b"short")) == (
        400,
        "body_cut_short",
    )


@pytest.mark.parametrize(
    "headers",
    [
        [("x_forwarded_for", "192.0.2.66")],
        [("x-forwarded_for", "192.0.2.66"), ("x-forwarded-for", "198.51.100.7")],
        [("x-forwarded-for", "192.0.2.66"), ("x-forwarded-for", "198.51.100.7")],
        [("x_forwarded_proto", "https")],
        [("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")],
        [("x-forwarded-proto", "https, http")],
        [("x_forwarded_host", "evil.example")],
    ],
)
def test_who_sent_it_is_said_once_where_a_proxy_is_believed(headers: Any) -> None:
    assert code_of(ask(*headers, proxied=True)) == (400, "ambiguous_headers")
    assert ask(*headers)[0] == 200


def test_names_with_an_underscore_are_left_out() -> None:
    _, seen = ask(
        ("x_forwarded_for", "192.0.2.66"), ("x_pagerduty_signature", "v1=0"), ("content_length", "7")
    )
    assert not {"HTTP_X_FORWARDED_FOR", "HTTP_X_PAGERDUTY_SIGNATURE", "HTTP_CONTENT_LENGTH"} & seen.keys()


def test_life_is_answered_without_a_thread() -> None:
    assert ask(path="/healthz", method="GET", application=fails) == (200, {"status": "ok"})


def test_what_waits_too_long_for_a_thread_is_answered_and_never_begun(monkeypatch: Any) -> None:
    monkeypatch.setattr(gateway, "PATIENCE_SECONDS", 0.05)
    hangs, busy, began = threading.Event(), threading.Event(), []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        began.append(environ["PATH_INFO"])
        busy.set()
        hangs.wait(10)
        start_response("200 OK", [])
        return [b"{}"]

    async def two() -> list[Exchange]:
        app = Gateway(application, threads=1, largest=100)
        exchanges = [Exchange(), Exchange()]
        scope = scope_of("/api/")
        first = asyncio.create_task(app.__rsgi__(scope, exchanges[0]))
        await asyncio.to_thread(busy.wait, 10)
        await app.__rsgi__(scope, exchanges[1])
        hangs.set()
        await first
        return exchanges

    first, second = asyncio.run(two())
    status, headers, body = second.answers[0]
    assert (status, json.loads(body)["error"]["retryable"]) == (503, True)
    assert dict(headers)["Retry-After"]
    assert [answer[0] for answer in first.answers] == [200]
    assert began == ["/api/"]


def test_a_delivery_is_answered_once_while_its_thread_hangs(monkeypatch: Any) -> None:
    monkeypatch.setattr(gateway, "PATIENCE_SECONDS", 0.05)
    hangs = threading.Event()
    deliveries = Deliveries()

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        hangs.wait(10)
        start_response("202 Accepted", [])
        return [b"{}"]

    answer = ask(path="/hooks/x", application=application, deliveries=deliveries)
    hangs.set()
    assert code_of(answer) == (503, "not_stored")


STORED: tuple[int, list[tuple[str, str]], bytes] = (202, [], b'{"status": "accepted"}')


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_delivery_that_is_stored_ahead_needs_no_thread(*, elsewhere: bool) -> None:
    def begin(environ: dict[str, Any], body: bytes, then: Callable[..., None]) -> float:
        assert body == b"whole"
        if elsewhere:
            threading.Thread(target=then, args=[STORED]).start()
        else:
            then(STORED)
        return 10

    answer = ask(path="/hooks/x", body=b"whole", application=fails, deliveries=Deliveries(begin=begin))
    assert answer == (202, {"status": "accepted"})


@pytest.mark.parametrize("then_what", ["not_begun", "not_stored", "never_told"])
def test_a_delivery_that_is_not_stored_ahead_is_the_applications(then_what: str) -> None:
    def begin(environ: dict[str, Any], body: bytes, then: Callable[..., None]) -> float:
        if then_what == "not_stored":
            then(None)
        return {"not_begun": 0, "not_stored": 10, "never_told": 0.05}[then_what]

    status, seen = ask(path="/hooks/x", body=b"whole", deliveries=Deliveries(begin=begin))
    assert (status, seen["body"]) == (200, "whole")


def test_a_delivery_that_takes_all_the_time_there_is_comes_too_late(monkeypatch: Any) -> None:
    monkeypatch.setattr(gateway, "PATIENCE_SECONDS", 0.05)
    deliveries = Deliveries(begin=lambda environ, body, then: 10)
    answer = ask(path="/hooks/x", body=b"whole", application=fails, deliveries=deliveries)
    assert code_of(answer) == (503, "not_stored")


def test_what_is_told_at_once_wakes_the_loop_once(monkeypatch: Any) -> None:
    async def told() -> tuple[list[Any], int]:
        loop = asyncio.get_running_loop()
        results, wakes = LoopResults(loop), list[Any]()

        def soon(act: Any) -> None:
            wakes.append(act)
            loop.call_soon(act)

        monkeypatch.setattr(loop, "call_soon_threadsafe", soon)
        futures = [loop.create_future() for _ in range(3)]
        for number, future in enumerate(futures):
            results.set(future, number)
        return [await results.wait(future, within=5) for future in futures], len(wakes)

    assert asyncio.run(told()) == ([0, 1, 2], 1)


@pytest.mark.parametrize("pieces", [(), (b"first",)])
def test_a_stream_that_breaks_costs_no_thread(pieces: tuple[bytes, ...]) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/whole":
            return [b"{}"]
        return broken()

    def broken() -> Iterable[bytes]:
        yield from pieces
        raise ValueError("its source is gone")

    app, exchanges = Gateway(application, threads=1, largest=100), [Exchange(), Exchange()]

    async def both() -> None:
        for path, exchange in zip(("/broken", "/whole"), exchanges, strict=True):
            await app.__rsgi__(scope_of(path), exchange)

    asyncio.run(both())
    assert [answer[0] for exchange in exchanges for answer in exchange.answers] == [
        200 if pieces else 500,
        200,
    ]
    assert exchanges[0].sent == list(pieces)


def test_readers_of_streams_keep_at_most_a_quarter_of_the_threads(monkeypatch: Any) -> None:
    read, begun = threading.Event(), threading.Event()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        yield b"first"
        begun.set()
        read.wait(10)

    async def two() -> list[Exchange]:
        app, exchanges = Gateway(application, threads=4, largest=100), [Exchange(), Exchange()]
        first = asyncio.create_task(app.__rsgi__(scope_of("/api/"), exchanges[0]))
        await asyncio.to_thread(begun.wait, 10)
        await app.__rsgi__(scope_of("/api/"), exchanges[1])
        read.set()
        await first
        return exchanges

    first, second = asyncio.run(two())
    assert [answer[0] for answer in (*first.answers, *second.answers)] == [200, 503]


@pytest.mark.slow
def test_a_body_counts_until_it_is_answered(monkeypatch: Any) -> None:
    monkeypatch.setattr(bodies, "MOST_BYTES_HELD", 15)
    app = Gateway(echo, threads=1, largest=100)
    nested: list[Exchange] = []
    loop: Any = None

    async def one(exchange: Exchange) -> None:
        await app.__rsgi__(scope_of("/api/", ("content-length", "10")), exchange)

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if not nested:
            nested.append(Exchange(b"x" * 10))
            asyncio.run_coroutine_threadsafe(one(nested[0]), loop).result(10)
        return echo(environ, start_response)

    app.application = application

    async def in_turn() -> list[Exchange]:
        nonlocal loop
        loop = asyncio.get_running_loop()
        exchanges = [Exchange(b"x" * 10), Exchange(b"x" * 10)]
        for exchange in exchanges:
            await one(exchange)
        return exchanges

    first, third = asyncio.run(in_turn())
    assert [exchange.answers[0][0] for exchange in (first, nested[0], third)] == [200, 503, 200]


def test_stalled_bodies_elsewhere_leave_places_for_deliveries(monkeypatch: Any) -> None:
    monkeypatch.setattr(bodies, "MOST_AT_ONCE", 1)
    deliveries = Deliveries(concern=lambda path: path == "/hooks/")

    async def three() -> list[int]:
        app = Gateway(echo, threads=1, largest=100, deliveries=deliveries)
        stalled, more, delivery = Stalled(), Exchange(b"abc"), Exchange(b"abc")
        waiting = asyncio.create_task(app.__rsgi__(scope_of("/", ("content-length", "3")), stalled))
        await stalled.begun.wait()
        await app.__rsgi__(scope_of("/", ("content-length", "3")), more)
        await app.__rsgi__(scope_of("/hooks/", ("content-length", "3")), delivery)
        waiting.cancel()
        return [exchange.answers[0][0] for exchange in (more, delivery)]

    assert asyncio.run(three()) == [503, 200]


def test_a_stream_is_sent_piece_by_piece() -> None:
    closed: list[bool] = []

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        try:
            yield from (b"[1,", b"2]")
        finally:
            closed.append(True)

    assert ask(application=application) == (200, [1, 2])
    assert closed == [True]


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_without_a_database_the_answer_is_503(error: type[Exception]) -> None:
    def away(*args: Any) -> list[bytes]:
        raise error("No database connection became free in time.")

    assert code_of(ask(application=away)) == (503, "busy")
