"""Every request that the product makes to PagerDuty in any test is held against PagerDuty's own file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from pagerduty_app.sandbox import gate
from tests.support.contract import Contract

_OURS = "TaskJuice"


@contextmanager
def kept(contract: Contract) -> Iterator[list[str]]:
    """Collects what does not fit: requests of this process, and those that other processes send to its sandboxes."""
    faults: list[str] = []

    def check(method: str, path: str, query: str, headers: Any, body: bytes | str | None) -> None:
        try:
            given = json.loads(body) if body else None
            asked = parse_qsl(query, keep_blank_values=True)
            contract.check_request(method, path.removeprefix("/eu"), asked, headers, given)
        except AssertionError as error:
            faults.append(str(error))

    send, answered = requests.Session.send, gate._answered

    def checked_send(self: Any, request: requests.PreparedRequest, **kwargs: Any) -> Any:
        if request.headers.get("User-Agent") == _OURS:
            parts = urlsplit(str(request.url))
            check(str(request.method), parts.path, parts.query, request.headers, request.body)
        return send(self, request, **kwargs)

    def checked_answered(sandbox: Any, request: Any, *rest: Any) -> Any:
        if request.headers.get("User-Agent") == _OURS:
            query = request.META.get("QUERY_STRING", "")
            check(request.method, request.path, query, request.headers, request.body)
        return answered(sandbox, request, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", checked_send)
        patch.setattr(gate, "_answered", checked_answered)
        yield faults
