"""What actions send to PagerDuty, with each answer held against PagerDuty's own file if given."""

import json
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from urllib3 import HTTPResponse

from tests.support.contract import Contract

_CHECKED_OF_EACH = 10


@pytest.fixture(scope="session")
def contract() -> Contract | None:
    return Contract.load_from_env()


@pytest.fixture
def sent(contract: Contract | None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What went out to the REST API, as "POST /incidents"; the answers are held against PagerDuty's own file."""
    out: list[str] = []
    send = requests.Session.send

    def checked(self: Any, request: Any, **kwargs: Any) -> Any:
        path = urlsplit(request.url).path
        if "/oauth/" in path or "authorize" in path:
            return send(self, request, **kwargs)
        out.append(f"{request.method} {path}")
        answer = send(self, request, **kwargs)
        # A hundred pages of a list are like its first ones; checking them all takes a quarter of a minute.
        if contract and answer.status_code < 500 and out.count(out[-1]) <= _CHECKED_OF_EACH:
            # The client reads from the raw stream: what was taken for the check is put back.
            content = answer.raw.read(decode_content=True)
            contract.check_response(request.method, path, answer.status_code, json.loads(content))
            answer.raw = _again(content)
        return answer

    monkeypatch.setattr(requests.Session, "send", checked)
    return out


def _again(content: bytes) -> Any:
    return HTTPResponse(body=BytesIO(content), preload_content=False, status=200)
