"""Responses to requests that no view could answer: programs get the error shape of the API, people a page."""

import sys
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.template import loader
from django.views import defaults

from connections.api.errors import AWAY, body_of, internal_error, unavailable
from core.errors import Problem, not_found
from core.web.url_prefixes import API

_ERROR_PAGE = "500.html"


class ApiSlashMiddleware(CommonMiddleware):
    """Django's, but under /api/ a missing last slash is a 308: a 301 would turn a POST into a GET."""

    def get_full_path_with_slash(self, request: HttpRequest) -> str:
        """Django refuses to redirect a POST while DEBUG is on, because its 301 loses the body; a 308 keeps it."""
        if request.path.startswith(API):
            return request.get_full_path(force_append_slash=True)
        return super().get_full_path_with_slash(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        answer = super().process_response(request, response)
        if isinstance(answer, HttpResponsePermanentRedirect) and request.path.startswith(API):
            return HttpResponsePermanentRedirect(answer.url, preserve_request=True)
        return answer


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler400."""
    if request.path.startswith(API):
        return _json(Problem("bad_request", "Invalid request.", status=400))
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler403."""
    if request.path.startswith(API):
        return _json(Problem("forbidden", "You do not have permission to do this.", status=403))
    return defaults.permission_denied(request, exception)


def missing(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler404."""
    if request.path.startswith(API):
        return _json(not_found())
    return defaults.page_not_found(request, exception)


def broken(request: HttpRequest) -> HttpResponseBase:
    """Django's handler500; it asks neither database nor session, which may be what is broken.

    Django calls it while it handles the exception. 503 where the database is what failed: that passes.
    """
    away = isinstance(sys.exc_info()[1], AWAY)
    problem = unavailable() if away else internal_error()
    headers = {"Retry-After": str(problem.retry_after)} if away else {}
    if request.path.startswith(API):
        return _json(problem, headers)
    said = structlog.contextvars.get_contextvars().get("request_id", "")
    page = loader.get_template(_ERROR_PAGE).render({"request_id": said, "away": away})
    return HttpResponse(page, status=problem.status, headers=headers)


def _json(problem: Problem, headers: dict[str, str] | None = None) -> JsonResponse:
    body: dict[str, Any] = {"error": body_of(problem)}
    return JsonResponse(body, status=problem.status, headers=headers)
