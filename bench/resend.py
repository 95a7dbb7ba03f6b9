"""Requests that are sent again where the server is busy, as PagerDuty resends deliveries and clients repeat calls."""

import time
from typing import Any

import requests

_PATIENCE = 120.0


def post(url: str, **request: Any) -> requests.Response:
    """Post, and again as Retry-After asks (seconds) while the answer is 503, for two minutes at most.

    What is posted must be the same event or call each time. Raise requests.HTTPError.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        answer = requests.post(url, timeout=60, **request)
        if answer.status_code != 503 or time.monotonic() > until:
            answer.raise_for_status()
            return answer
        time.sleep(float(answer.headers["Retry-After"]))
