"""What every request of the product passes through."""

from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware


class RequestLines(RequestMiddleware):  # type: ignore[misc]
    """A log line for each request without its query string, which holds `code` and `state` on the way back
    from a provider's sign-in."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"
