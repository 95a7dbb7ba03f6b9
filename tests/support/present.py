"""Values that a test expects to be there, for the eyes of the type checker and the reader alike."""

from typing import TypeVar

from requests import PreparedRequest

Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """Return `value`; fail the test if it is None."""
    assert value is not None
    return value


def text_sent(request: PreparedRequest) -> str:
    """The body of a request that was made."""
    body = request.body
    assert body is not None
    return body.decode() if isinstance(body, bytes) else str(body)
