"""Connections over the API, and the keys that open it."""

from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.conf import settings as project_settings
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.accounts import api_keys
from connections.models import ApiKey, AuditEvent, Connection, Grant
from core import node_slots, request_slots
from tests.factories import ALL_SCOPES, SYSTEM, Ask, People, asking, connect
from tests.support.connection_slots import taken_slots
from tests.support.present import text_sent

API, IDENTITY = project_settings.PAGERDUTY_API_URL, project_settings.PAGERDUTY_IDENTITY_URL
DISCOVERY = f"{IDENTITY}/global/oauth/anonymous/.well-known/openid-configuration"


@pytest.fixture
def ask(client: Client, who: People) -> Ask:
    return asking(client, who.acme)


def error_of(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == code
    return error


# --- keys ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer x",
        "Bearer tj_a_b_c",
        "Basic dGo6",
        "Bearer tj_ä_ö",
        "Bearer " + "x" * 5000,
        "tj_a_b",
    ],
)
def test_without_a_key_that_counts_the_answer_is_401(client: Client, who: People, header: str) -> None:
    headers = {"Authorization": header} if header else {}

    answer = client.get("/api/v1/connections/", headers=headers)

    error_of(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_is_kept_as_a_digest_and_shown_once(who: People) -> None:
    key, whole = api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="n", scopes=["connections:read"])

    assert whole.startswith(f"tj_{key.prefix}_")
    row = {name: str(value) for name, value in vars(ApiKey.objects.get()).items()}
    assert not [name for name, value in row.items() if whole in value or whole.split("_")[2] in value]


@pytest.mark.parametrize(
    "change", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(seconds=1)}]
)
def test_a_revoked_or_expired_key_is_401(ask: Ask, change: dict[str, Any]) -> None:
    assert ask("get", "connections/").status_code == 200

    ApiKey.objects.update(**change)

    error_of(ask("get", "connections/"), 401, "not_authenticated")


def test_the_end_of_a_key_cannot_be_guessed_from_its_prefix(client: Client, who: People) -> None:
    _key, whole = api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="n", scopes=[])
    wrong = whole[:-1] + ("0" if whole[-1] != "0" else "1")

    answer = client.get("/api/v1/connections/", headers={"Authorization": f"Bearer {wrong}"})

    assert answer.status_code == 401


def test_when_a_key_was_last_used_is_known_to_the_minute(ask: Ask) -> None:
    ask("get", "connections/")
    first = ApiKey.objects.get().last_used_at
    ask("get", "connections/")

    assert first is not None
    assert ApiKey.objects.get().last_used_at == first


def test_revoking_a_key_is_in_the_audit_once(who: People) -> None:
    key, _ = api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="n", scopes=[])
    for _ in range(2):
        api_keys.revoke_key(actor=SYSTEM, key=key)

    assert AuditEvent.objects.filter(action="api_key.revoked").count() == 1


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("get", "connections/", "connections:read"),
        ("get", "connections/{}/", "connections:read"),
        ("post", "connections/{}/revoke/", "connections:write"),
        ("post", "connections/{}/check/", "connections:write"),
    ],
)
def test_a_key_without_the_scope_is_403_and_the_scope_is_named(
    client: Client, who: People, connection: Connection, method: str, path: str, scope: str
) -> None:
    ask = asking(client, who.acme, ["actions:run"])

    error = error_of(ask(method, path.format(connection.pk)), 403, "insufficient_scope")

    assert error["detail"] == {"scope": scope}


# --- connections -------------------------------------------------------------------------------------------
def test_a_connection_shows_everything_but_its_tokens(ask: Ask, connection: Connection) -> None:
    (row,) = ask("get", "connections/").json()["results"]

    assert row == ask("get", f"connections/{connection.pk}/").json()
    assert (row["label"], row["status"], row["region"]) == ("Acme", "active", "us")
    assert row["scopes_granted"] == ALL_SCOPES
    assert row["expires_at"]
    text = str(row)
    assert f"access-{connection.pk}" not in text
    assert Grant.objects.get().access_token not in text
    assert "token" not in text


def test_a_workspace_is_all_a_key_sees(client: Client, who: People, connection: Connection) -> None:
    stranger = asking(client, who.other)

    assert stranger("get", "connections/").json()["results"] == []
    assert stranger("get", f"connections/?workspace={who.acme.pk}").json()["results"] == []
    for method, path in (("get", ""), ("post", "revoke/"), ("post", "check/")):
        error_of(stranger(method, f"connections/{connection.pk}/{path}"), 404, "not_found")
    connection.refresh_from_db()
    assert connection.status == "active"


def test_a_signed_in_person_sees_the_workspaces_of_their_agency(
    client: Client, who: People, connection: Connection
) -> None:
    backend = "django.contrib.auth.backends.ModelBackend"
    client.force_login(who.bob, backend=backend)
    assert len(client.get("/api/v1/connections/").json()["results"]) == 1
    client.force_login(who.charlie, backend=backend)
    assert client.get("/api/v1/connections/").json()["results"] == []
    assert client.get(f"/api/v1/connections/{connection.pk}/").status_code == 404


def test_a_session_needs_the_csrf_token(who: People, connection: Connection) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(who.alice, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post(f"/api/v1/connections/{connection.pk}/revoke/")

    assert answer.status_code == 403
    connection.refresh_from_db()
    assert connection.status == "active"


def test_a_list_takes_as_many_queries_for_many_rows_as_for_one(ask: Ask, who: People) -> None:
    ask("get", "connections/")

    def queries(label: str, count: int) -> int:
        for number in range(count):
            connect(who.acme, f"{label} {number}")
        with CaptureQueriesContext(database) as seen:
            assert ask("get", "connections/").status_code == 200
        return len(seen)

    assert queries("few", 1) == queries("many", 12)


def test_lists_are_paged_and_bounded(ask: Ask, who: People) -> None:
    for number in range(5):
        connect(who.acme, f"Number {number}")

    first = ask("get", "connections/?limit=2").json()
    rest = ask("get", f"connections/?{first['next'].partition('?')[2]}").json()

    assert len(first["results"]) == len(rest["results"]) == 2
    assert not {row["id"] for row in first["results"]} & {row["id"] for row in rest["results"]}
    assert len(ask("get", "connections/?limit=100000").json()["results"]) == 5


@pytest.mark.parametrize("query", ["status=%00", "status=happy", "provider=x", "workspace=x"])
def test_a_filter_that_means_nothing_is_400_and_named(ask: Ask, query: str) -> None:
    error = error_of(ask("get", f"connections/?{query}"), 400, "invalid_input")

    assert list(error["fields"]) == [query.partition("=")[0]]


# --- revoke ------------------------------------------------------------------------------------------------
def test_revoking_erases_the_tokens_and_answers_a_receipt(
    ask: Ask, connection: Connection, http: responses.RequestsMock
) -> None:
    http.get(DISCOVERY, json={"issuer": IDENTITY})

    receipt = ask("post", f"connections/{connection.pk}/revoke/").json()

    assert receipt["erased"] is True
    assert receipt["provider_revoked"] is False
    assert "App Registrations" in receipt["removal_hint"]
    grant = Grant.objects.get()
    assert grant.access_token is grant.refresh_token is None
    connection.refresh_from_db()
    assert connection.status == "revoked"
    assert AuditEvent.objects.get(action="connection.revoked").actor_kind == "api_key"

    again = ask("post", f"connections/{connection.pk}/revoke/").json()
    assert again["erased"] is False
    assert AuditEvent.objects.filter(action="connection.revoked").count() == 1


def test_where_pagerduty_offers_revocation_it_is_used(
    ask: Ask, connection: Connection, http: responses.RequestsMock
) -> None:
    http.get(DISCOVERY, json={"revocation_endpoint": f"{IDENTITY}/oauth/revoke"})
    http.post(f"{IDENTITY}/oauth/revoke", json={})

    assert ask("post", f"connections/{connection.pk}/revoke/").json()["provider_revoked"] is True
    assert f"token=refresh-{connection.pk}" in text_sent(http.calls[-1].request)


def test_it_is_used_however_busy_the_connection_and_its_workspace_are(
    ask: Ask, connection: Connection, http: responses.RequestsMock
) -> None:
    http.get(DISCOVERY, json={"revocation_endpoint": f"{IDENTITY}/oauth/revoke"})
    http.post(f"{IDENTITY}/oauth/revoke", json={})

    with ExitStack() as busy:
        every = range(node_slots.PER_CONNECTION)
        assert busy.enter_context(taken_slots(connection, every)) == node_slots.PER_CONNECTION
        for _ in range(request_slots.MOST_OF_WORKSPACE):
            assert busy.enter_context(request_slots.thread_slot(connection.workspace_id))
        receipt = ask("post", f"connections/{connection.pk}/revoke/").json()

    assert receipt["provider_revoked"] is True


@pytest.mark.parametrize(
    "discovery",
    [{"revocation_endpoint": "https://evil.example/revoke"}, {"revocation_endpoint": 5}, [], None],
)
def test_revoking_never_depends_on_what_pagerduty_says(
    ask: Ask, connection: Connection, http: responses.RequestsMock, discovery: Any
) -> None:
    http.get(DISCOVERY, json=discovery)

    assert ask("post", f"connections/{connection.pk}/revoke/").status_code == 200
    assert Grant.objects.get().refresh_token is None
    assert len(http.calls) == 1, "the token went to another host"


def test_an_unreadable_token_is_erased_all_the_same(ask: Ask, connection: Connection, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = ["quite-another-key-than-before"]

    assert ask("post", f"connections/{connection.pk}/revoke/").json()["erased"] is True


# --- check -------------------------------------------------------------------------------------------------
def test_a_check_asks_pagerduty_now(ask: Ask, connection: Connection, http: responses.RequestsMock) -> None:
    http.get(f"{API}/users", json={"users": [], "more": False})

    result = ask("post", f"connections/{connection.pk}/check/").json()

    assert (result["healthy"], result["status"], result["missing_scopes"]) == (True, "active", [])


def test_a_token_that_is_refused_twice_may_be_accepted_soon(
    ask: Ask, connection: Connection, http: responses.RequestsMock
) -> None:
    http.get(f"{API}/users", status=401)
    http.post(f"{IDENTITY}/oauth/token", json={"access_token": "a", "refresh_token": "r"})

    result = ask("post", f"connections/{connection.pk}/check/").json()

    assert (result["healthy"], result["status"]) == (False, "active")
    assert result["reasons"] == ["PagerDuty answered 401."]
    assert len(http.calls) == 3


def test_pagerduty_being_away_says_nothing_about_the_connection(
    ask: Ask, connection: Connection, http: responses.RequestsMock
) -> None:
    http.get(f"{API}/users", status=503)

    result = ask("post", f"connections/{connection.pk}/check/").json()

    assert (result["healthy"], result["status"]) == (False, "active")


@pytest.mark.parametrize(
    ("status", "code"), [("pending", "connection_pending"), ("revoked", "connection_revoked")]
)
def test_what_is_not_connected_cannot_be_checked(
    ask: Ask, connection: Connection, status: str, code: str
) -> None:
    Connection.objects.update(status=status, revoked_at=timezone.now() if status == "revoked" else None)

    error_of(ask("post", f"connections/{connection.pk}/check/"), 409, code)
