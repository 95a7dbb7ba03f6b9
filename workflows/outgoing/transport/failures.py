"""Failures of an exchange with an endpoint, by name."""

import http.client
import socket
import ssl
from collections.abc import Iterator

import requests

from workflows.outgoing.transport.connection import NoConnection

SECONDS = 15.0
MOST_BYTES = 64 * 1024

# In the words of the delivery log.
ERRORS = {
    "refused": "the endpoint rejected the message",
    "gone": "the endpoint is gone (410); it was paused",
    "redirected": "the endpoint redirected; redirects are not followed: enter the final URL",
    "timed_out": f"the endpoint did not finish its response within {SECONDS:.0f} seconds",
    "answer_too_long": f"the endpoint returned more than {MOST_BYTES // 1024} KB",
    "headers_too_long": "the endpoint returned more than 100 headers, or with one longer than 64 KB",
    "not_http": "the endpoint’s response is not HTTP",
    "no_answer": "the endpoint closed the connection without a response",
    "no_such_name": "the host name does not resolve",
    "not_public": "the host name resolves to a non-public address",
    "bad_address": "the URL is no longer allowed",
    "bad_certificate": "the server’s certificate is not valid for this host name",
    "tls_failed": "the TLS handshake with the server failed",
    "connection_refused": "the server refused the connection",
    "unreachable": "the server could not be reached",
    "broken_off": "the connection closed before the response was complete",
    "unreadable_secret": "its signing secret cannot be decrypted; contact your TaskJuice administrator",
    "crashed": "the sender was interrupted",
    "content_gone": "the event or run was deleted",
}
# The first kind that an error, or one it was made from, belongs to. RemoteDisconnected is also a BadStatusLine.
_KINDS: list[tuple[type[BaseException], str]] = [
    (http.client.RemoteDisconnected, "no_answer"),
    (http.client.LineTooLong, "headers_too_long"),
    (http.client.BadStatusLine, "not_http"),
    (http.client.UnknownProtocol, "not_http"),
    (ssl.SSLCertVerificationError, "bad_certificate"),
    (ssl.SSLError, "tls_failed"),
    (TimeoutError, "timed_out"),
    (requests.exceptions.Timeout, "timed_out"),
]


def code_of(error: BaseException) -> str:
    """The key of ERRORS for what requests, urllib3, http.client or the line raised."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, NoConnection):
            return cause.code
        if isinstance(cause, http.client.HTTPException) and "got more than" in str(cause):
            return "headers_too_long"
    for kind, code in _KINDS:
        if any(isinstance(cause, kind) for cause in causes):
            return code
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "no_such_name"
    return "broken_off"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps: libraries keep them in `args`, `reason` or as the cause."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
        waiting.extend(each for each in inner if isinstance(each, BaseException))
