"""What can go wrong in an exchange with a hook's address, each named for what it is."""

import http.client
import socket
import ssl
from collections.abc import Iterator

import requests

from workflows.outgoing.connection import NoConnection

SECONDS = 15.0
MOST_BYTES = 64 * 1024

# In the words of the delivery log.
ERRORS = {
    "refused": "the endpoint rejected it",
    "gone": "the endpoint is gone (410); it was paused",
    "redirected": "the endpoint redirected; redirects are not followed: enter the final address",
    "timed_out": f"the endpoint did not finish its answer within {SECONDS:.0f} seconds",
    "answer_too_long": f"the endpoint answered with more than {MOST_BYTES // 1024} KB",
    "headers_too_long": "the endpoint answered with more than 100 headers, or with one longer than 64 KB",
    "not_http": "what the endpoint answered is not HTTP",
    "no_answer": "the endpoint closed the connection without an answer",
    "no_such_name": "the name leads to no address",
    "not_public": "the name leads to an address that is not public",
    "bad_address": "the address is not allowed any more",
    "bad_certificate": "the certificate of the server is not valid for this name",
    "tls_failed": "no secure connection could be agreed on with the server",
    "connection_refused": "the server refuses connections",
    "unreachable": "the server could not be reached",
    "broken_off": "the connection ended before the answer did",
    "unreadable_secret": "its signing secret cannot be opened; ask the operator of this server",
    "crashed": "the sender stopped in the middle of it",
    "content_gone": "what it was about was deleted",
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
