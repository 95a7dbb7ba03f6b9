"""Addresses that there are not: programs get the answer of the API, people a page."""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views import defaults

from connections.api.errors import body_of
from connections.problems import not_found


def answer(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler404."""
    if request.path.startswith("/api/v1/"):
        return JsonResponse({"error": body_of(not_found())}, status=404)
    return defaults.page_not_found(request, exception)
