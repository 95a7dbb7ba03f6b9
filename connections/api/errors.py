"""The one place where an error becomes an API answer: {"error": {"code", "message", …}}."""

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core.errors import Problem, not_found

log = structlog.get_logger(__name__)

_CODES = {
    exceptions.ParseError: "malformed_json",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "not_authenticated",
    exceptions.PermissionDenied: "forbidden",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "throttled",
}


# Temporary: no connection left, a full disk, a server that hangs or restarts, a lock that is held.
AWAY = (OperationalError, InterfaceError)


def unavailable() -> Problem:
    """The answer to a request that the database could not serve just now."""
    message = "The database is unavailable. Try again in a moment."
    return Problem("unavailable", message, status=503, retryable=True, retry_after=10)


def to_response(error: Exception, context: dict[str, Any]) -> Response:
    """Handle exceptions for DRF; log unexpected ones and return 500."""
    if isinstance(error, Http404):
        error = not_found()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    headers: dict[str, str] = {}
    if isinstance(error, Problem):
        problem = error
    elif isinstance(error, exceptions.APIException):
        problem, headers = _from_drf(error)
    elif isinstance(error, RequestDataTooBig):
        problem = Problem("body_too_large", "The request body is too large.", status=413)
    elif isinstance(error, AWAY):
        log.error("database_away", exc_info=error)
        problem = unavailable()
    else:
        log.error("unexpected_error", exc_info=error)
        problem = internal_error()
    set_rollback()
    if problem.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(problem.retry_after)))
    return Response({"error": body_of(problem)}, status=problem.status, headers=headers)


def body_of(problem: Problem) -> dict[str, Any]:
    body: dict[str, Any] = {"code": problem.code, "message": problem.message}
    if problem.fields:
        body["fields"] = problem.fields
    if problem.provider_status is not None:
        body["provider_status"] = problem.provider_status
    if problem.provider_status is not None or problem.retryable:
        body["retryable"] = problem.retryable
    if problem.detail:
        body["detail"] = problem.detail
    return body


def internal_error() -> Problem:
    """A fault of ours. detail names the request, by which support finds its log lines."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return Problem(
        "internal_error",
        "Something went wrong on our side. It has been logged; check whether the request took effect before "
        "you retry.",
        status=500,
        detail={"request_id": request_id} if request_id else None,
    )


def invalid_input(fields: dict[str, Any]) -> Problem:
    """The Problem of wrong inputs: the message names them for people, `fields` for programs."""
    names = ", ".join(str(name) for name in fields)
    return Problem("invalid_input", f"Invalid fields: {names}.", fields=fields)


def _from_drf(error: exceptions.APIException) -> tuple[Problem, dict[str, str]]:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if isinstance(error, exceptions.ValidationError):
        fields = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
        return invalid_input(fields), headers
    known = next((name for kind, name in _CODES.items() if isinstance(error, kind)), "error")
    code: str = getattr(error, "problem_code", known)
    if error.status_code >= status.HTTP_500_INTERNAL_SERVER_ERROR:
        code = "internal_error"
    problem = Problem(code, str(error.detail), status=error.status_code)
    problem.retry_after = getattr(error, "wait", None)
    return problem, headers
