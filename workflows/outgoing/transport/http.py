"""One POST to a hook's address: at most 15 seconds, and at most 64 KB of a response.

The timeout of a read begins anew with each byte. So each exchange runs in its own thread, and the sender, which waits
for the thread, cuts the connection when the time is over.
"""

import threading
import time
from dataclasses import dataclass
from queue import SimpleQueue

import requests
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from core.errors import Problem
from workflows.outgoing.transport import address
from workflows.outgoing.transport.connection import Line, session_on
from workflows.outgoing.transport.failures import MOST_BYTES, SECONDS, code_of

_PIECE = 8 * 1024
_GONE = 410
_LONGEST_RETRY_AFTER = 24 * 3600
_READER = Retry(retry_after_max=_LONGEST_RETRY_AFTER)


@dataclass(frozen=True)
class Outcome:
    """The end of an exchange. status: of the answer, None without one. error: "" for success, else a key of
    workflows.outgoing.transport.failures.ERRORS. retry_after: seconds that the endpoint asks to be left alone for, at
    most a day.
    """

    status: int | None
    error: str
    seconds: float
    retry_after: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.error


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
        except Exception as error:  # noqa: BLE001 - any error that a server can provoke is a failed delivery
            outcome = self._ended(None, code_of(error))
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
            answer = session.post(
                self._url, data=self._body, headers=headers, stream=True, allow_redirects=False
            )
            with answer:
                status, error = answer.status_code, _error_of(answer.status_code)
                if error != "redirected" and not self._read(answer):
                    error = "answer_too_long"
        return self._ended(status, error, _retry_after(answer) if error else 0.0)

    def _read(self, answer: requests.Response) -> bool:
        """Take in the answer, and keep nothing of it. False when there is too much."""
        left = MOST_BYTES
        while piece := answer.raw.read(min(_PIECE, left + 1), decode_content=False):
            left -= len(piece)
            if left < 0:
                return False
        self._line.check()  # a connection that was cut looks like the end of an answer without a length
        return True

    def _ended(self, status: int | None, error: str, retry_after: float = 0.0) -> Outcome:
        if self._line.is_cut:
            error = "timed_out"
        return Outcome(status, error, time.monotonic() - self._began, retry_after)


def _error_of(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if status == _GONE:
        return "gone"
    return "redirected" if 300 <= status < 400 else "refused"


def _retry_after(answer: requests.Response) -> float:
    """Seconds of its Retry-After, as a number or a date, at most a day; 0 without one that can be read."""
    try:
        asked = _READER.parse_retry_after(answer.headers.get("Retry-After", "0"))
    except (InvalidHeader, ValueError, OverflowError):
        return 0.0
    return max(asked, 0.0)
