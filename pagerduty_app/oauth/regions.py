"""The REST API of each region."""

from collections.abc import Callable

from django.conf import settings

from pagerduty_app.client import Api, Limits


def open_api(
    region: str,
    access_token: str,
    on_request: Callable[[], float | None],
    on_answer: Callable[[Limits], None] = lambda limits: None,
) -> Api:
    """The REST API of that region. Only these two hosts ever see a token."""
    url = settings.PAGERDUTY_API_URL_EU if region == "eu" else settings.PAGERDUTY_API_URL
    return Api(url, access_token, on_request, on_answer)
