"""One POST to a hook's address: never longer than 15 seconds, never more than 64 KB of an answer.

The time-out of a read begins anew with each byte, so a thread of its own makes the exchange, and whoever waits for it
cuts its connection when the time is over.
"""

import threading
import time
from dataclasses import dataclass
from queue import SimpleQueue

import requests
from requests_hardened.ip_filter import InvalidIPAddress

from connections.problems import Problem
from workflows.hooks import address
from workflows.hooks.line import Line, session_on

SECONDS = 15.0
MOST_BYTES = 64 * 1024
_PIECE = 8 * 1024


@dataclass(frozen=True)
class Outcome:
    """How an exchange ended. status: of the answer, None without one. error: "" for success, else a key of ERRORS."""

    status: int | None
    error: str
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.error


# What went wrong, in the words of the delivery log.
ERRORS = {
    "refused": "answered with a status other than 2xx",
    "redirected": "answered with a redirect, which is not followed: enter the final address",
    "timed_out": f"did not finish its answer within {SECONDS:.0f} seconds",
    "answer_too_long": f"answered with more than {MOST_BYTES // 1024} KB",
    "not_public": "the name leads to an address that is not public",
    "bad_address": "the address is not allowed any more",
    "bad_certificate": "the certificate of the server is not valid for this name",
    "unreachable": "no connection to the server",
    "broken_off": "the connection ended before the answer did",
    "unreadable_secret": "its signing secret cannot be opened here; ask whoever runs this server",
    "crashed": "the sender stopped in the middle of it",
    "content_gone": "what it was about is not there any more",
}


class Exchange:
    """One POST under way in its own thread, which puts it into `landed` at its end. It touches no database."""

    def __init__(
        self, url: str, headers: dict[str, str], body: bytes, landed: "SimpleQueue[Exchange]"
    ) -> None:
        self._url, self._headers, self._body, self._landed = url, headers, body, landed
        self._line = Line()
        self._began = time.monotonic()
        self.outcome: Outcome | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="hook").start()

    @property
    def overdue(self) -> bool:
        return time.monotonic() - self._began > SECONDS

    def cut(self) -> Outcome:
        """End it now. Its thread may go on for a moment, or longer in a resolver, but sends nothing more."""
        self._line.cut()
        self.outcome = self.outcome or self._ended(None, "timed_out")
        return self.outcome

    def _run(self) -> None:
        try:
            outcome = self._post()
        except Exception as error:  # noqa: BLE001 - whatever a server can provoke is a failed delivery
            outcome = self._ended(None, _code_of(error))
        finally:
            self._line.close()
        self.outcome = self.outcome or outcome
        self._landed.put(self)

    def _post(self) -> Outcome:
        try:
            address.check_form(self._url)
        except Problem:
            return self._ended(None, "bad_address")
        # No compression: what is counted is what came over the line.
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **self._headers}
        with session_on(self._line, SECONDS) as session:
            answer = session.post(self._url, data=self._body, headers=headers, stream=True)
            with answer:
                if answer.is_redirect or 300 <= answer.status_code < 400:
                    return self._ended(answer.status_code, "redirected")
                if not self._read(answer):
                    return self._ended(answer.status_code, "answer_too_long")
        return self._ended(answer.status_code, "" if 200 <= answer.status_code < 300 else "refused")

    def _read(self, answer: requests.Response) -> bool:
        """Take in the answer, and keep nothing of it. False when there is too much."""
        left = MOST_BYTES
        while piece := answer.raw.read(min(_PIECE, left + 1), decode_content=False):
            left -= len(piece)
            if left < 0:
                return False
        self._line.check()  # a connection that was cut looks like the end of an answer without a length
        return True

    def _ended(self, status: int | None, error: str) -> Outcome:
        if self._line.is_cut:
            error = "timed_out"
        return Outcome(status, error, time.monotonic() - self._began)


def _code_of(error: Exception) -> str:
    if isinstance(error, InvalidIPAddress):
        return "not_public"
    if isinstance(error, requests.exceptions.SSLError):
        return "bad_certificate"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "unreachable"
    if isinstance(error, requests.exceptions.Timeout):
        return "timed_out"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "unreachable"
    return "broken_off"
