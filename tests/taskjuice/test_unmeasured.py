"""Bodies without a Content-Length, server by server; tests/flows/test_bodies.py sends them over a socket."""

from io import BytesIO
from typing import Any

import pytest

from taskjuice.unmeasured import Measured


class Stream(BytesIO):
    """Gives a few bytes at a time, as a socket may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 3))


def ask(**environ: Any) -> tuple[str, bytes]:
    """Status and body of an application that answers what it was sent."""
    statuses = ["200 OK"]

    def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]

    answered = Measured(echo, largest=10)(environ, lambda status, headers: statuses.append(status))
    return statuses[-1], b"".join(answered)


@pytest.mark.parametrize(
    ("sent", "seen"), [(b"", b""), (b"0123456789", b"0123456789"), (b"0123456789abc", b"0123456789a")]
)
def test_what_the_server_ends_is_measured_up_to_one_byte_too_many(sent: bytes, seen: bytes) -> None:
    assert ask(**{"wsgi.input": Stream(sent), "wsgi.input_terminated": True}) == ("200 OK", seen)


def test_a_given_length_is_left_alone() -> None:
    environ = {"wsgi.input": BytesIO(b"0123456789abc"), "CONTENT_LENGTH": "13", "wsgi.input_terminated": True}
    assert ask(**environ) == ("200 OK", b"0123456789abc")


def test_a_server_that_cannot_read_chunks_says_so() -> None:
    status, body = ask(**{"wsgi.input": None, "HTTP_TRANSFER_ENCODING": "chunked"})

    assert status == "411 Length Required"
    assert b"length_required" in body
