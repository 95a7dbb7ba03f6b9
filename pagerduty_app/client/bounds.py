"""Reading an answer within bounds: so many bytes, so many seconds for the whole of it."""

import time

import requests
from urllib3.exceptions import HTTPError

_CHUNK = 64 * 1024


class TooLarge(Exception):
    """The answer is larger than anything we expect."""


def read(answer: requests.Response, *, largest: int, until: float) -> bytes:
    """The body of a streamed answer. until: `time.monotonic()` at which to stop waiting.

    Raises TooLarge, requests.ReadTimeout when the time is over (the socket's time-out alone would let a slow
    sender go on for ever), and what requests raises for a broken connection.
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
