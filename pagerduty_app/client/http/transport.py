"""The HTTP seam: every request to PagerDuty's REST API is sent here, with a time-out and a bound."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

from pagerduty_app.client import rate_limit_headers, refusals
from pagerduty_app.client.errors import PagerDutyError, from_answer, of_refusal
from pagerduty_app.client.http import bounds
from pagerduty_app.client.http.reading import json_of
from pagerduty_app.client.http.session import PlainSession, TooLate, leaving_by
from pagerduty_app.client.rate_limit_headers import Limits

_CONNECT_SECONDS = 3.05
_READ_SECONDS = 10
# Reading ends after this. With the last read a request takes at most 22 seconds; a lease held meanwhile must be
# longer.
LONGEST_SECONDS = 12
_LARGEST_ANSWER = 16 * 1024 * 1024
_threads = threading.local()


def _session() -> requests.Session:
    """Return this thread's session, which keeps connections and ignores the environment."""
    session: requests.Session | None = getattr(_threads, "session", None)
    if session is None:
        session = _threads.session = PlainSession()
    return session


class Transport:
    """Requests to one base URL with one token. No redirect or link is followed, so the token goes nowhere else."""

    def __init__(
        self,
        base_url: str,
        access_token: str,
        on_request: Callable[[], float | None],
        on_answer: Callable[[Limits], None],
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._access_token = access_token
        self._on_request = on_request
        self._on_answer = on_answer

    def __repr__(self) -> str:
        return f"Transport({self._base_url})"

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        from_email: str | None = None,
        list_as: str = "",
    ) -> dict[str, Any]:
        """Return the response's JSON object. Raise PagerDutyError.

        list_as: the name under which the object has a response that is a list, for operations that return one.
        """
        leaves_by = self._on_request()
        request = self._prepared(method, path, params, body, from_email)
        writes = method != "GET"
        until = time.monotonic() + LONGEST_SECONDS
        try:
            with leaving_by(leaves_by):
                begun = _session().send(
                    request, timeout=(_CONNECT_SECONDS, _READ_SECONDS), allow_redirects=False, stream=True
                )
            with begun as answer:
                told = rate_limit_headers.of_answer(answer, method, path)
                if told.refused:
                    self._on_answer(told)
                content = bounds.read(answer, largest=_LARGEST_ANSWER, until=until)
                if not told.refused:  # not before the body, for which noting it must not wait
                    self._on_answer(told)
                return self._understood(answer, content, writes=writes, list_as=list_as)
        except TooLate:
            raise _silence("The request to PagerDuty was not sent in time.", sent=False) from None
        except bounds.TooLarge:
            raise PagerDutyError("PagerDuty answered more than 16 MB.", outcome_unknown=writes) from None
        except requests.ConnectTimeout:
            raise _silence("PagerDuty could not be reached in time.", sent=False) from None
        except requests.Timeout:
            raise _silence("PagerDuty did not answer in time.", sent=writes) from None
        except requests.ConnectionError as error:
            sent = writes and "NewConnectionError" not in repr(error)
            raise _silence("The connection to PagerDuty failed.", sent=sent) from None
        except requests.RequestException as error:
            raise _silence(f"PagerDuty's answer broke off ({type(error).__name__}).", sent=writes) from None

    def refused(self, part: Any, status: int) -> PagerDutyError:
        """Return the error of a part of a response that has a status of its own, 300 or more."""
        return of_refusal(refusals.of_body(part, [self._access_token]), status)

    def _prepared(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        from_email: str | None,
    ) -> requests.PreparedRequest:
        """Return the request. Merging it with the session's settings, which are empty, would cost more."""
        headers = {
            "Authorization": f"Bearer {self._access_token}",
            "Accept": "application/vnd.pagerduty+json;version=2",
            "Accept-Encoding": "gzip, deflate",
            "Content-Type": "application/json",
            "User-Agent": "TaskJuice",
        }
        if from_email is not None:
            headers["From"] = from_email
        data = None if body is None else json.dumps(body)
        url = self._base_url + path
        return requests.Request(method, url, params=params, data=data, headers=headers).prepare()

    def _understood(
        self, answer: requests.Response, content: bytes, *, writes: bool, list_as: str
    ) -> dict[str, Any]:
        if answer.status_code >= 300:
            raise from_answer(answer, content, [self._access_token])
        try:
            body = json_of(content)
        except (ValueError, RecursionError):
            body = None
        if list_as and isinstance(body, list):
            return {list_as: body}
        if not isinstance(body, dict):
            raise PagerDutyError(
                "PagerDuty answered something that is not JSON.",
                status=answer.status_code,
                retryable=True,
                outcome_unknown=writes,
            )
        return body


def _silence(message: str, *, sent: bool) -> PagerDutyError:
    return PagerDutyError(message, retryable=True, outcome_unknown=sent)
