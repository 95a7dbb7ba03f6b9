"""The sandbox keeps its connections open and acts on whole requests only, as PagerDuty does."""

import socket
from http.client import HTTPConnection
from urllib.parse import urlsplit

from pagerduty_app.sandbox.server import SandboxServer


def test_a_connection_serves_one_request_after_the_other_whatever_the_answers() -> None:
    with SandboxServer(clients={}) as server:
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=10)
        connection.connect()
        kept = connection.sock
        for path, status in (("/_sandbox/state", 200), ("/nowhere", 404), ("/users", 401), ("/", 302)):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
            assert connection.sock is kept
        connection.close()


def test_a_request_whose_sender_was_killed_in_the_middle_of_it_does_nothing() -> None:
    with SandboxServer(clients={}) as server:
        with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=10) as sender:
            head = "POST /incidents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"
            sender.sendall(head.encode() + b'{"incident"')
            sender.shutdown(socket.SHUT_WR)
            answer = sender.recv(10_000).decode()
        assert answer.startswith("HTTP/1.1 400")
        assert list(server.sandbox.requests) == []
