"""Every route of the product, crossed with who may come in; a route that is not listed here fails the test."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, get_resolver

from connections.models import User
from tests.support.browser import BACKEND, undone
from tests.world import World

_CONNECTION = "settings/connections/<uuid:connection_id>/"
_TRIGGER = "triggers/<uuid:trigger_id>/"
_WORKFLOW = "workflows/<uuid:workflow_id>/"
_STEP = f"{_WORKFLOW}steps/<slug:key>/"
_ACTION = "<uuid:connection_id>/<slug:provider>/<slug:action>/"
_RUN = "runs/<uuid:run_id>/"
_HOOK = "settings/hooks/<uuid:hook_id>/"
# Open to everybody. What the links below lead to is in the session of the browser that opened one.
PUBLIC = {
    "healthz",
    "readyz",
    "metrics",  # who may: tests/taskjuice/endpoints/metrics/test_access.py
    "hooks/<slug:provider>/<any_case_uuid:token>",
    "hooks/<slug:provider>/<any_case_uuid:token>/",
    "api/schema/",
    "api/docs/",
    "join/",
    "client/",
    "client/agree/",
    "client/ask-again/",
    "client/done/",
}
# For everybody of an agency.
MEMBERS = {
    "",
    "workspace/",
    "calls/<uuid:call_id>/",
    "calls/<uuid:call_id>/progress/",
    "notifications/",
    "notifications/bell/",
    "notifications/read/",
    "notifications/<uuid:notification_id>/",
    "settings/notifications/",
    "settings/agency/new/",
    "settings/connections/",
    "settings/connections/add/",
    _CONNECTION,
    f"{_CONNECTION}actions/",
    f"{_CONNECTION}actions/<slug:provider>/<slug:action>/",
    f"{_CONNECTION}audit/",
    f"{_CONNECTION}calls/",
    f"{_CONNECTION}check/",
    f"{_CONNECTION}link/",
    f"{_CONNECTION}link/again/",
    f"{_CONNECTION}link/cancel/",
    f"{_CONNECTION}receipt/",
    f"{_CONNECTION}receipt/check/",
    f"{_CONNECTION}reconnect/",
    f"{_CONNECTION}reconnect/choose/",
    f"{_CONNECTION}change/",
    f"{_CONNECTION}revoke/",
    "settings/client-links/add/",
    "settings/data/",
    "settings/hooks/",
    "settings/hooks/add/",
    _HOOK,
    f"{_HOOK}delete/",
    f"{_HOOK}deliveries/",
    f"{_HOOK}deliveries/replay/",
    f"{_HOOK}deliveries/<uuid:delivery_id>/",
    f"{_HOOK}deliveries/<uuid:delivery_id>/replay/",
    f"{_HOOK}edit/",
    f"{_HOOK}pause/",
    f"{_HOOK}resume/",
    f"{_HOOK}secret/",
    f"{_HOOK}test/",
    "settings/people/leave/",
    "settings/workspaces/",
    "triggers/",
    "triggers/add/",
    _TRIGGER,
    f"{_TRIGGER}delete/",
    f"{_TRIGGER}deliveries/",
    f"{_TRIGGER}deliveries/<uuid:event_id>/",
    f"{_TRIGGER}deliveries/<uuid:event_id>/requeue/",
    f"{_TRIGGER}deliveries/<uuid:event_id>/run/<uuid:workflow_id>/",
    f"{_TRIGGER}options/",
    f"{_TRIGGER}pause/",
    f"{_TRIGGER}progress/",
    f"{_TRIGGER}redaction/",
    f"{_TRIGGER}rename/",
    f"{_TRIGGER}resume/",
    f"{_TRIGGER}secrets/",
    f"{_TRIGGER}secrets/<uuid:secret_id>/retire/",
    f"{_TRIGGER}test/",
    f"{_TRIGGER}webhook/",
    f"{_TRIGGER}webhook/rotate/",
    "runs/",
    "runs/replay/",
    "runs/replay/<uuid:replay_id>/",
    "runs/replay/<uuid:replay_id>/cancel/",
    _RUN,
    f"{_RUN}cancel/",
    f"{_RUN}pause/",
    f"{_RUN}progress/",
    f"{_RUN}replay/",
    f"{_RUN}replay/from-start/",
    f"{_RUN}resume/",
    "workflows/",
    _WORKFLOW,
    "workflows/add/",
    f"{_WORKFLOW}add-step/",
    f"{_WORKFLOW}add-step/{_ACTION}",
    f"{_WORKFLOW}archive/",
    f"{_WORKFLOW}conditions/",
    f"{_WORKFLOW}duplicate/",
    f"{_WORKFLOW}export/",
    f"{_WORKFLOW}versions/",
    f"{_WORKFLOW}versions/<int:number>/draft/",
    f"{_WORKFLOW}versions/<int:number>/roll-back/",
    f"{_WORKFLOW}versions/difference/",
    "workflows/import/",
    f"{_WORKFLOW}edit/",
    f"{_WORKFLOW}pause/",
    f"{_WORKFLOW}preview/{_ACTION}",
    f"{_WORKFLOW}publish/",
    f"{_WORKFLOW}rehearsal/",
    f"{_WORKFLOW}rename/",
    f"{_WORKFLOW}resume/",
    f"{_WORKFLOW}test/",
    _STEP,
    f"{_STEP}earlier/",
    f"{_STEP}later/",
    f"{_STEP}place/",
    f"{_STEP}remove/",
}
# For the owner and admins.
ADMINS = {
    "settings/agency/",
    "settings/api-keys/",
    "settings/api-keys/add/",
    "settings/api-keys/<uuid:key_id>/revoke/",
    "settings/audit/",
    "settings/data/change/",
    "settings/invitations/<uuid:invitation_id>/again/",
    "settings/invitations/<uuid:invitation_id>/cancel/",
    "settings/people/",
    "settings/people/<int:membership_id>/role/",
    "settings/people/second-factor/",
    "settings/workspaces/<uuid:workspace_id>/app/",
    "settings/workspaces/<uuid:workspace_id>/app/stop/",
    "settings/workspaces/<uuid:workspace_id>/rename/",
    "settings/workspaces/add/",
}
OWNERS = {"settings/people/<int:membership_id>/hand-over/"}
# For members about themselves, for the owner and admins about everybody: tests/connections/pages/test_people.py.
ABOUT_ONESELF = {
    "settings/people/<int:membership_id>/remove/",
    # tests/connections/accounts/test_signing_in.py
    "settings/sessions/",
    "settings/sessions/end-others/",
    "settings/sessions/<int:session_id>/end/",
}
PAGES = MEMBERS | ADMINS | OWNERS | ABOUT_ONESELF
WITH_KEY = {
    "api/v1/action-calls/<uuid:call_id>/",
    "api/v1/catalog/",
    "api/v1/connections/",
    "api/v1/connections/<uuid:connection_id>/",
    "api/v1/connections/<uuid:connection_id>/actions/<slug:provider>/<slug:action>/",
    "api/v1/connections/<uuid:connection_id>/check/",
    "api/v1/connections/<uuid:connection_id>/lookups/<slug:provider>/<slug:name>/",
    "api/v1/connections/<uuid:connection_id>/revoke/",
    "api/v1/events/",
    "api/v1/events/<uuid:event_id>/",
    "api/v1/events/<uuid:event_id>/requeue/",
    "api/v1/hooks/",
    "api/v1/hooks/<uuid:hook_id>/",
    "api/v1/hooks/<uuid:hook_id>/deliveries/",
    "api/v1/hooks/<uuid:hook_id>/deliveries/<uuid:delivery_id>/replay/",
    "api/v1/hooks/<uuid:hook_id>/secrets/",
    "api/v1/hooks/<uuid:hook_id>/test/",
    "api/v1/retention/",
    "api/v1/runs/",
    "api/v1/runs/<uuid:run_id>/",
    "api/v1/runs/<uuid:run_id>/cancel/",
    "api/v1/runs/<uuid:run_id>/pause/",
    "api/v1/runs/<uuid:run_id>/replay/",
    "api/v1/runs/<uuid:run_id>/resume/",
    "api/v1/runs/replay/",
    "api/v1/runs/replay/<uuid:replay_id>/",
    "api/v1/runs/replay/<uuid:replay_id>/cancel/",
    "api/v1/triggers/",
    "api/v1/triggers/<uuid:trigger_id>/",
    "api/v1/triggers/<uuid:trigger_id>/secrets/",
    "api/v1/triggers/<uuid:trigger_id>/secrets/<uuid:secret_id>/",
    "api/v1/triggers/<uuid:trigger_id>/test/",
    "api/v1/triggers/<uuid:trigger_id>/webhook/",
    "api/v1/triggers/<uuid:trigger_id>/webhook/rotate/",
    "api/v1/workflows/",
    "api/v1/workflows/<uuid:workflow_id>/",
    "api/v1/workflows/<uuid:workflow_id>/diff/",
    "api/v1/workflows/<uuid:workflow_id>/duplicate/",
    "api/v1/workflows/<uuid:workflow_id>/export/",
    "api/v1/workflows/<uuid:workflow_id>/publish/",
    "api/v1/workflows/<uuid:workflow_id>/rollback/",
    "api/v1/workflows/<uuid:workflow_id>/versions/",
    "api/v1/workflows/<uuid:workflow_id>/versions/<int:number>/",
    "api/v1/workflows/import/",
    "api/v1/workflows/<uuid:workflow_id>/test/",
}
# allauth's own. Its pages of third-party accounts are hidden.
HIDDEN = {
    "^(?:accounts/(?:3rdparty|social|sessions)|admin/r)/",
    "accounts/3rdparty/",
    "accounts/3rdparty/login/cancelled/",
    "accounts/3rdparty/login/error/",
    "accounts/3rdparty/signup/",
    "accounts/social/connections/",
    "accounts/social/login/cancelled/",
    "accounts/social/login/error/",
    "accounts/social/signup/",
    "accounts/pagerduty/login/",
    "accounts/sessions/",
}
SIGNING_IN = {
    "accounts/^confirm-email/(?P<key>[-:\\w]+)/$",
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
    "accounts/2fa/authenticate/",
    "accounts/confirm-email/",
    "accounts/inactive/",
    "accounts/login/",
    "accounts/login/code/confirm/",
    "accounts/logout/",
    "accounts/pagerduty/login/callback/",
    "accounts/password/reset/",
    "accounts/password/reset/done/",
    "accounts/password/reset/key/done/",
    "accounts/signup/",
}
# What each answers to GET and POST by a user who has neither a password nor a second factor yet.
ONES_OWN_ACCOUNT = {
    "accounts/2fa/": (200, 405),
    "accounts/2fa/reauthenticate/": (403, 403),
    "accounts/2fa/recovery-codes/": (404, 405),
    "accounts/2fa/recovery-codes/download/": (404, 404),
    "accounts/2fa/recovery-codes/generate/": (200, 200),
    "accounts/2fa/totp/activate/": (200, 200),
    "accounts/2fa/totp/deactivate/": (404, 404),
    "accounts/email/": (200, 302),
    "accounts/password/change/": (302, 302),
    "accounts/password/set/": (200, 200),
    "accounts/reauthenticate/": (403, 403),
}
Ask = Callable[[User | None, str, str], Any]
METHODS = ("get", "post", "put", "patch", "delete")
CANARIES = ("Acme", "Lighthouse", "alice@", "dora@", "bob@", "eve@", "client@acme", "Quarterly figures")


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield path
        else:
            yield from routes(pattern.url_patterns, path)


class Browsers:
    """Requests with or without a session, each with an empty body and its effects undone. A member signs in once."""

    def __init__(self) -> None:
        self._client = Client(raise_request_exception=True)
        self._sessions: dict[int, str] = {}

    def sign_in(self, person: User) -> None:
        client = Client()
        client.force_login(person, backend=BACKEND)
        client.get("/notifications/")  # from then on its session is listed
        self._sessions[person.pk] = client.cookies[settings.SESSION_COOKIE_NAME].value

    def ask(self, person: User | None, method: str, path: str) -> Any:
        # One client for all, as each new one makes all middleware anew.
        self._client.cookies.clear()
        if person is not None:
            self._client.cookies[settings.SESSION_COOKIE_NAME] = self._sessions[person.pk]
        return undone(self._client, method, path)


@pytest.fixture(scope="module")
def browsers(world_made_once: World, django_db_blocker: Any) -> Browsers:
    signed_in = Browsers()
    who = world_made_once.who
    with django_db_blocker.unblock():
        for person in (who.alice, who.dora, who.bob, who.charlie):
            signed_in.sign_in(person)
    return signed_in


@pytest.fixture
def there(world_made_once: World, db: None) -> World:
    return world_made_once


@pytest.fixture
def ask(browsers: Browsers) -> Ask:
    """ask(person, method, path)"""
    return browsers.ask


@pytest.fixture(autouse=True)
def _nobody_outside() -> Iterator[None]:
    """What a route would ask PagerDuty gets no answer."""
    with responses.RequestsMock():
        yield


def test_every_route_is_listed() -> None:
    """Those of the admin: tests/scenarios/test_admin_routes.py."""
    ours = {route for route in routes() if not route.startswith("admin/")}

    assert ours == PUBLIC | PAGES | WITH_KEY | HIDDEN | SIGNING_IN | ONES_OWN_ACCOUNT.keys()


@pytest.mark.parametrize("route", sorted(PAGES | WITH_KEY))
def test_who_is_not_signed_in_gets_in_nowhere(there: World, ask: Ask, route: str) -> None:
    for method in METHODS:
        answer = ask(None, method, there.path(route))
        if route in WITH_KEY:
            assert answer.status_code in (401, 405)
        else:
            assert answer.status_code == 302
            assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("route", sorted(PAGES | WITH_KEY))
def test_a_stranger_neither_reaches_nor_detects_anything_of_another_agency(
    there: World, ask: Ask, route: str
) -> None:
    for method in METHODS:
        answer = ask(there.who.charlie, method, there.path(route))
        text = b"".join(answer) if getattr(answer, "streaming", False) else answer.content

        if "<uuid" in route or "<int" in route:
            assert answer.status_code in (404, 405), (method, answer.status_code)
            missing = ask(there.who.charlie, method, _with_ids_of_nobody(route))
            assert missing.status_code == answer.status_code
        for canary in CANARIES:
            assert canary not in text.decode(), (method, canary)


@pytest.mark.parametrize("route", sorted(MEMBERS))
# What the owner and a member both may, an admin may: `make test` believes it.
@pytest.mark.parametrize("name", ["alice", pytest.param("dora", marks=pytest.mark.slow), "bob"])
def test_everybody_of_the_agency_gets_to_what_is_for_members(
    there: World, ask: Ask, route: str, name: str
) -> None:
    asked = [ask(getattr(there.who, name), method, there.path(route)) for method in ("get", "post")]

    got = [answer.status_code for answer in asked if answer.status_code != 405]
    assert got
    for status in got:
        assert status in (200, 302, 400) or (route == "workspace/" and status == 404), status


@pytest.mark.parametrize("route", sorted(ADMINS | OWNERS))
def test_what_is_for_admins_is_for_owner_and_admins_alone(there: World, ask: Ask, route: str) -> None:
    alice, dora, bob = there.who.alice, there.who.dora, there.who.bob
    may, may_not = ([alice], [dora, bob]) if route in OWNERS else ([alice, dora], [bob])
    for method in METHODS:
        path = there.path(route)
        for person in may_not:
            assert ask(person, method, path).status_code in (403, 405)
        for person in may:
            status = ask(person, method, path).status_code
            assert status in (200, 302, 400, 405) or (route.endswith("/role/") and status == 404), status


@pytest.mark.parametrize("route", sorted(HIDDEN - {"^(?:accounts/(?:3rdparty|social|sessions)|admin/r)/"}))
def test_hidden_pages_are_not_there_for_anybody(there: World, ask: Ask, route: str) -> None:
    for person in (None, there.who.alice):
        assert ask(person, "get", f"/{route}").status_code == 404


@pytest.mark.parametrize(("route", "answers"), sorted(ONES_OWN_ACCOUNT.items()))
def test_ones_own_account_wants_a_sign_in(
    there: World, ask: Ask, route: str, answers: tuple[int, int]
) -> None:
    bob = there.who.bob
    for method, status in zip(("get", "post"), answers, strict=True):
        nobody = ask(None, method, f"/{route}")
        assert nobody.status_code == 302
        assert nobody["Location"].startswith("/accounts/login/?next=")
        assert ask(bob, method, f"/{route}").status_code == status, method


def _with_ids_of_nobody(route: str) -> str:
    parts = []
    for part in route.split("/"):
        kind, _, name = part.strip("<>").partition(":")
        nobody = {
            "uuid": str(uuid.uuid4()),
            "int": "987654321",
            "slug": "x" if name == "action" else "pagerduty",
        }
        parts.append(nobody[kind] if part.startswith("<") else part)
    return "/" + "/".join(parts)
