"""Each part that treats some URLs differently does so for the prefixes of the table, and for no others."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.test import RequestFactory
from django.urls import URLPattern, get_resolver

from connections.models import Account
from connections.web.middleware import TenantScopeMiddleware
from connections.web.second_factor import SecondFactorMiddleware
from core.db import tenant_scope
from core.web.url_prefixes import ADMIN, TABLE, Differs, prefixes
from taskjuice.http.refused import busy
from tests.factories import people

_PAGES = (
    "/",
    "/settings/connections/",
    "/accounts/signup/",
    "/accounts/2fa",
    "/x/hooks/",
    ADMIN,
    "/static/app.js",
)
PATHS = pytest.mark.parametrize("path", [*TABLE, *_PAGES])


def differs(path: str) -> Differs:
    return TABLE.get(path, Differs(0))


def request(path: str, **more: Any) -> HttpRequest:
    made = RequestFactory().get(path)
    for name, value in more.items():
        setattr(made, name, value)
    return made


@PATHS
def test_the_tenant_scope_that_a_request_begins_with(path: str) -> None:
    views = list[bool]()

    def view(request: HttpRequest) -> HttpResponse:
        views.append(tenant_scope.current().everything)
        return HttpResponse()

    TenantScopeMiddleware(view)(request(path))
    assert views == [Differs.UNSCOPED in differs(path)]


@PATHS
@pytest.mark.django_db
def test_the_redirect_to_the_set_up_of_a_second_factor(path: str) -> None:
    bob = people().bob
    Account.objects.update(second_factor_required=True)
    made = request(path, user=bob, COOKIES={settings.SESSION_COOKIE_NAME: "x"})
    made._messages = CookieStorage(made)  # type: ignore[attr-defined]
    answer = SecondFactorMiddleware(lambda request: HttpResponse())(made)
    assert (answer.status_code == 200) == (Differs.NO_SECOND_FACTOR in differs(path))


@PATHS
def test_the_redirect_to_https(path: str, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = SecurityMiddleware(lambda request: HttpResponse())(request(path))
    assert isinstance(answer, HttpResponse)
    assert (answer.status_code == 200) == (Differs.PLAIN_HTTP in differs(path))


@PATHS
def test_the_format_of_a_refusal_by_the_gateway(path: str) -> None:
    _, headers, _ = busy().answer(path)
    assert (dict(headers)["Content-Type"] == "application/json") == (Differs.SOFTWARE in differs(path))


def test_each_prefix_is_that_of_a_route() -> None:
    routes = list(_routes(get_resolver().url_patterns))
    assert [prefix for prefix in TABLE if not any(route.startswith(prefix) for route in routes)] == []


def _routes(patterns: Any, before: str = "/") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _routes(pattern.url_patterns, route)


def test_prefixes_are_those_with_that_difference_alone() -> None:
    assert prefixes(Differs.PLAIN_HTTP) == ("/healthz", "/readyz", "/metrics")
