"""The sandbox keeps its connections open, as PagerDuty does."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

from pagerduty_app.sandbox.server import SandboxServer


def test_a_connection_serves_one_request_after_the_other_whatever_the_answers() -> None:
    with SandboxServer(clients={}) as server:
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=10)
        connection.connect()
        socket = connection.sock
        for path, status in (("/_sandbox/state", 200), ("/nowhere", 404), ("/users", 401), ("/", 302)):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
            assert connection.sock is socket
        connection.close()
