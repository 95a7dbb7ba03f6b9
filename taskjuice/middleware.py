"""Middleware that every request passes."""

from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django_structlog.middlewares import RequestMiddleware

from core import time_zones
from taskjuice.http.addresses import client_address


class RequestLogMiddleware(RequestMiddleware):  # type: ignore[misc]
    """A log line for each request without its query string, which holds `code` and `state` on the way back
    from a provider's sign-in."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        """The address that the audit has (ClientAddressMiddleware), not what X-Forwarded-For begins with."""
        structlog.contextvars.bind_contextvars(ip=request.META.get("REMOTE_ADDR") or None)


class ClientAddressMiddleware:
    """REMOTE_ADDR is the client's from here on: for audit, throttles, sign-in limits, sessions and log lines."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META["REMOTE_ADDR"] = client_address(
            request.META.get("REMOTE_ADDR", ""),
            request.META.get("HTTP_X_FORWARDED_FOR", ""),
            proxies=settings.TRUSTED_PROXIES,
        )
        return self.get_response(request)


class TimeZoneMiddleware:
    """Times on pages are the reader's: static/app.js keeps the browser's zone in the cookie `zone`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = time_zones.find(request.COOKIES.get("zone", ""))
        if zone is None:
            return self.get_response(request)
        with timezone.override(zone):
            return self.get_response(request)


class HtmxRefreshMiddleware:
    """A part of a page that is fetched again and again may find its reader signed out, or its subject gone.

    The page is then loaded anew, which says so; else htmx would put the sign-in into the part's place, or go on
    asking for ever.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "HX-Request" in request.headers and response.status_code in (302, 403, 404, 410):
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return response
