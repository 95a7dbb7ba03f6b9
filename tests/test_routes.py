"""Every route of the product and who may come in; a route that is not listed here fails the test."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from tests.people import People, people

# Open to everybody; every other route wants a sign-in or a key. Prefixes of what other packages bring.
PUBLIC = {"healthz", "readyz", "hooks/pagerduty/<uuid:token>", "api/schema/", "api/docs/"}
NOT_OURS = ("accounts/", "admin/", "^accounts/3rdparty/")
SIGNED_IN = {
    "",
    "settings/connections/",
    "settings/connections/add/",
    "settings/connections/<uuid:connection_id>/",
    "settings/connections/<uuid:connection_id>/reconnect/",
    "settings/connections/<uuid:connection_id>/check/",
    "settings/connections/<uuid:connection_id>/revoke/",
    "settings/api-keys/",
    "settings/api-keys/add/",
    "settings/api-keys/<uuid:key_id>/revoke/",
}
WITH_KEY = {
    "api/v1/action-calls/<uuid:call_id>/",
    "api/v1/catalog/",
    "api/v1/connections/",
    "api/v1/connections/<uuid:connection_id>/",
    "api/v1/connections/<uuid:connection_id>/actions/<slug:provider>/<slug:action>/",
    "api/v1/connections/<uuid:connection_id>/check/",
    "api/v1/connections/<uuid:connection_id>/revoke/",
    "api/v1/events/",
    "api/v1/events/<uuid:event_id>/requeue/",
    "api/v1/runs/",
    "api/v1/runs/<uuid:run_id>/",
    "api/v1/runs/<uuid:run_id>/cancel/",
    "api/v1/runs/<uuid:run_id>/replay/",
    "api/v1/triggers/",
    "api/v1/triggers/<uuid:trigger_id>/",
    "api/v1/triggers/<uuid:trigger_id>/secrets/",
    "api/v1/triggers/<uuid:trigger_id>/secrets/<uuid:secret_id>/",
    "api/v1/triggers/<uuid:trigger_id>/test/",
    "api/v1/workflows/",
    "api/v1/workflows/<uuid:workflow_id>/",
    "api/v1/workflows/<uuid:workflow_id>/publish/",
}
METHODS = ("get", "post", "put", "patch", "delete")


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield path
        else:
            yield from routes(pattern.url_patterns, path)


def filled(route: str) -> str:
    """The path with ids that do not exist."""
    parts = []
    for part in route.split("/"):
        kind, _, _name = part.strip("<>").partition(":")
        parts.append({"uuid": str(uuid.uuid4()), "slug": "x"}.get(kind, part) if "<" in part else part)
    return "/" + "/".join(parts)


def test_every_route_is_listed() -> None:
    ours = {route for route in routes() if not route.startswith(NOT_OURS)}

    assert ours == PUBLIC | SIGNED_IN | WITH_KEY


@pytest.mark.django_db
@pytest.mark.parametrize("route", sorted(SIGNED_IN | WITH_KEY))
def test_a_stranger_gets_in_nowhere(client: Client, route: str) -> None:
    for method in METHODS:
        answer = getattr(client, method)(filled(route))
        if route in WITH_KEY:
            assert answer.status_code in (401, 405)
        else:
            assert answer.status_code == 302
            assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.django_db
@pytest.mark.parametrize("route", sorted(route for route in SIGNED_IN | WITH_KEY if "<uuid" in route))
def test_an_id_that_does_not_exist_is_404_for_everybody(client: Client, route: str) -> None:
    who: People = people()
    for person in (who.alice, who.bob, who.charlie):
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        for method in METHODS:
            answer = getattr(client, method)(filled(route), content_type="application/json")
            forbidden = {403} if "api-keys" in route and person == who.bob else set()
            assert answer.status_code in {404, 405} | forbidden, (method, answer.status_code)
