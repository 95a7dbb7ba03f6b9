"""The API's rate limit: requests a minute for each key or signed-in user (API_PER_MINUTE)."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from connections.models import ApiKey
from core import rate_counter
from core.errors import Problem

_MINUTE = 60


class PerCaller(BaseThrottle):
    """Limit requests per caller: 429 with Retry-After. Requests that are not authenticated do not count."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Return True, or raise Problem (throttled), which says more than DRF's own exception."""
        caller = _caller(request)
        most: int = settings.API_PER_MINUTE
        wait = rate_counter.too_often(caller, most=most, seconds=_MINUTE) if caller else None
        if wait is not None:
            raise Problem(
                "throttled",
                f"Rate limit exceeded: more than {most} requests in a minute. Retry in {wait} seconds.",
                status=429,
                retryable=True,
                retry_after=wait,
            )
        return True


def _caller(request: Request) -> str | None:
    if isinstance(request.auth, ApiKey):
        return f"key:{request.auth.pk}"
    return f"user:{request.user.pk}" if request.user is not None else None
