"""A mail server on this machine that keeps what it is given, and one that does not listen."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

from bench.ports import free_port


class MailServer(socketserver.ThreadingTCPServer):
    """SMTP as far as Django speaks it. refused: addresses it answers 550 for; drops: those at which it hangs up."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, refused: tuple[str, ...] = (), drops: tuple[str, ...] = ()) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.refused, self.drops = refused, drops
        self.messages: list[Message] = []
        self.connections = 0


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.connections += 1
        self._say("220 here")
        while line := self.rfile.readline():
            self._answer(line.decode().strip())

    def _answer(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "RCPT" and any(address in line for address in self.server.drops):
            self.connection.shutdown(socket.SHUT_RDWR)
        elif verb == "RCPT" and any(address in line for address in self.server.refused):
            self._say("550 no such person")
        elif verb == "DATA":
            self._say("354 go on")
            lines = list(iter(self.rfile.readline, b".\r\n"))
            self.server.messages.append(message_from_bytes(b"".join(lines)))
            self._say("250 taken")
        else:
            self._say("221 bye" if verb == "QUIT" else "250 yes")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@contextmanager
def mail_server(
    settings: Any, refused: tuple[str, ...] = (), drops: tuple[str, ...] = ()
) -> Iterator[MailServer]:
    """One that Django's settings lead to."""
    with MailServer(refused, drops) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        lead_to(settings, server.server_address[1])
        yield server
        server.shutdown()


def no_mail_server(settings: Any) -> None:
    """Settings that lead to a port where none listens."""
    lead_to(settings, free_port())


def lead_to(settings: Any, port: int) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
