"""Software behind a hook's address, well or ill, over real sockets; and the internet around it."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import urllib3.util.connection

PUBLIC = "93.184.216.34"
_GIGABYTE = 1024**3


class Sink(ThreadingHTTPServer):
    """`mode` says how it answers; what has `poison` in it is refused.

    took: (webhook-id, message) of what it answered 204. asked: the webhook-id of every request.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.mode = "well"
        self.took: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.poison = ""
        self.redirected = 0
        self.flooded = 0
        self.stop = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/in"

    def handle_error(self, *args: Any) -> None:
        """A connection that is cut in the middle is what this is about."""


class _Answers(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        sink = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/elsewhere":
            sink.redirected += 1
        sink.asked.append(self.headers["webhook-id"])
        sink.headers.append({name.lower(): value for name, value in self.headers.items()})
        sink.bodies.append(body)
        mode = "fails" if sink.poison and sink.poison.encode() in body else sink.mode
        getattr(self, mode)()
        if mode == "well":
            sink.took.append((self.headers["webhook-id"], json.loads(body)))

    do_GET = do_POST

    def well(self) -> None:
        self.send_response(204)
        self.end_headers()

    def fails(self) -> None:
        self.send_error(500)

    def hangs(self) -> None:
        self.server.stop.wait(5)

    def drips_headers(self) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")

    def drips(self) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")

    def drips_without_end(self) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\n\r\n")

    def _drip(self, beginning: bytes) -> None:
        self.wfile.write(beginning)
        for _ in range(100):
            if self.server.stop.wait(0.05):
                return
            self.wfile.write(b"x")

    def redirects(self) -> None:
        self.send_response(307)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def floods(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(_GIGABYTE))
        self.end_headers()
        piece = b"x" * 65536
        for _ in range(_GIGABYTE // len(piece)):
            self.wfile.write(piece)
            self.server.flooded += len(piece)

    def hangs_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def sink() -> Iterator[Sink]:
    server = Sink()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.stop.set()
        server.shutdown()
        server.server_close()


class Listener:
    """A real listener on loopback that counts which of this process's sockets connect, and says nothing.

    Others on the machine may still try a port that was another server's a moment ago.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self._open: list[socket.socket] = []
        self._came: list[int] = []
        self._ours: set[int] = set()
        connect = socket.socket.connect

        def counted(sock: socket.socket, address: Any) -> None:
            connect(sock, address)
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                self._ours.add(sock.getsockname()[1])

        monkeypatch.setattr(socket.socket, "connect", counted)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                came, _ = self.socket.accept()
            except OSError:
                return
            self._open.append(came)
            self._came.append(came.getpeername()[1])

    @property
    def connections(self) -> int:
        return sum(port in self._ours for port in self._came)

    def close(self) -> None:
        self.socket.close()
        for came in self._open:
            came.close()


class Internet:
    """What names lead to, and what is behind public addresses: nothing, or `behind` (a local port).

    Connections to loopback, to any port, are led to the listener, so that each one counts.
    """

    def __init__(self, monkeypatch: Any, listener: Listener | None = None) -> None:
        self.names: dict[str, list[list[str]]] = {}
        self.asked: dict[str, int] = {}
        self.connected_to: list[str] = []
        self.behind: int | None = None
        self._listener = listener
        self._mine = threading.current_thread()
        self._look_up, self._connect = socket.getaddrinfo, urllib3.util.connection.create_connection
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)
        monkeypatch.setattr(urllib3.util.connection, "create_connection", self._led)

    def _answer(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        """The next of the name's answers, over and over; numbers lead to themselves as everywhere."""
        if host not in self.names:
            return self._look_up(host, port, *args, **kwargs)
        answers = self.names[host]
        number = self.asked.get(host, 0)
        self.asked[host] = number + 1
        addresses = answers[number % len(answers)]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port or 0),
            )
            for address in addresses
        ]

    def _led(self, address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        host = address[0].strip("[]")
        thread = threading.current_thread()
        if thread is not self._mine and thread.name != "hook":
            return self._connect(
                address, *args, **kwargs
            )  # something of an earlier test, that has not ended yet
        self.connected_to.append(host)
        if host == PUBLIC:
            if self.behind is None:
                raise OSError("There is no internet here.")
            return self._connect(("127.0.0.1", self.behind), *args, **kwargs)
        if self._listener is not None:
            return self._connect(("127.0.0.1", self._listener.port), *args, **kwargs)
        return self._connect(address, *args, **kwargs)


def until(done: Any, seconds: float = 3.0) -> bool:
    """Whether `done()` came true in time; for what another thread does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.01)
    return bool(done())
