"""Read a response within bounds of bytes and total time."""

import time

import requests
from urllib3.exceptions import HTTPError

_CHUNK = 64 * 1024


class TooLarge(Exception):
    """The response exceeds the bound."""


def read(answer: requests.Response, *, largest: int, until: float) -> bytes:
    """Return the body of a streamed response. until: `time.monotonic()` at which to stop.

    Raise TooLarge, requests.ReadTimeout after `until` (the socket's time-out alone would let a slow sender continue for
    ever), or requests.ConnectionError for a broken connection.
    """
    content = bytearray()
    try:
        while chunk := answer.raw.read1(_CHUNK, decode_content=True):
            content += chunk
            if len(content) > largest:
                raise TooLarge
            if time.monotonic() > until:
                raise requests.ReadTimeout("the answer took too long")
    except (OSError, HTTPError) as error:
        if isinstance(error, requests.RequestException):
            raise
        raise requests.ConnectionError("the answer broke off") from error
    return bytes(content)
