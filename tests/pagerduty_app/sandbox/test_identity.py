"""The sandbox's sign-in: consent, PKCE, one-use codes, rotating refresh tokens, id_token (developer docs, OAuth)."""

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import time_machine

from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from tests.pagerduty_app.sandbox.conftest import CLIENT, CLIENT_SECRET, SIX, SignIn
from tests.support.contract import Contract


def came_back(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 302, answer.text
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def error_of(answer: Any) -> str:
    assert answer.status_code in (400, 401), answer.text
    return str(answer.json()["error"])


def test_the_consent_page_names_the_client_the_scopes_and_the_people(sign_in: SignIn) -> None:
    page = sign_in.http.get(f"{sign_in.base_url}/oauth/authorize", params=sign_in.asked(), timeout=5)

    for words in (CLIENT, "Create and change incidents", "Dana Rivera", "globex", "umbrella-eu"):
        assert words in page.text


def test_saying_yes_leads_back_with_a_code_and_the_state(sign_in: SignIn) -> None:
    back = came_back(sign_in.decide())

    assert set(back) == {"code", "state"}
    assert back["state"] == ["a-state"]


def test_saying_no_leads_back_with_access_denied(sign_in: SignIn) -> None:
    assert came_back(sign_in.decide("deny")) == {"error": ["access_denied"], "state": ["a-state"]}


@pytest.mark.parametrize("changes", [{"client_id": "other"}, {"redirect_uri": "javascript:alert(1)"}])
def test_an_unknown_client_or_address_never_leads_anywhere(sign_in: SignIn, changes: dict[str, str]) -> None:
    assert sign_in.decide(**changes).status_code == 400


@pytest.mark.parametrize("changes", [{"code_challenge": ""}, {"code_challenge_method": "plain"}])
def test_scoped_oauth_requires_pkce(sign_in: SignIn, changes: dict[str, str]) -> None:
    assert came_back(sign_in.decide(**changes))["error"] == ["invalid_request"]


def test_classic_oauth_does_not(sign_in: SignIn) -> None:
    code = sign_in.code(scope="write", code_challenge="", code_challenge_method="")

    assert sign_in.exchange(code, code_verifier="").json()["scope"] == "write"


def test_a_code_becomes_tokens_once(sign_in: SignIn) -> None:
    code = sign_in.code()

    first, second = sign_in.exchange(code), sign_in.exchange(code)

    assert set(first.json()) == {
        "access_token", "refresh_token", "id_token", "token_type", "scope", "expires_in",
    }  # fmt: skip
    assert first.json()["scope"] == f"openid {SIX}"
    assert error_of(second) == "invalid_grant"


def test_a_code_lives_thirty_seconds(sign_in: SignIn) -> None:
    code = sign_in.code()

    with time_machine.travel(time.time() + 31, tick=True):
        assert error_of(sign_in.exchange(code)) == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "another"}, "invalid_grant"),
        ({"redirect_uri": "https://elsewhere.example"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "unknown"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_code_counts_only_for_who_asked(sign_in: SignIn, changes: dict[str, str], error: str) -> None:
    assert error_of(sign_in.exchange(sign_in.code(), **changes)) == error


def test_each_refresh_gives_a_new_token_and_the_old_one_is_dead(sign_in: SignIn) -> None:
    first = sign_in.tokens()

    second = sign_in.refresh(first["refresh_token"]).json()

    assert second["refresh_token"] != first["refresh_token"]
    assert error_of(sign_in.refresh(first["refresh_token"])) == "invalid_grant"
    assert sign_in.refresh(second["refresh_token"]).status_code == 200


def test_a_grant_the_person_removed_is_over(sign_in: SignIn, sandbox: Sandbox) -> None:
    tokens = sign_in.tokens()

    assert sandbox.tokens.revoke(account="PACME01") == 1

    assert error_of(sign_in.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert sandbox.tokens.grant_of(tokens["access_token"]) is None


def test_scopes_that_are_not_allowed_are_left_out_without_an_error(sign_in: SignIn, sandbox: Sandbox) -> None:
    assert sign_in.tokens(scope="openid incidents.read abilities.read")["scope"] == "openid incidents.read"
    sandbox.faults.scopes = []
    assert sign_in.tokens()["scope"] == "openid"


@pytest.mark.parametrize(
    ("user", "account", "region", "path"),
    [("PUSER00", "PACME01", "us", ""), ("PUSER20", "PUMBREL", "eu", "/eu")],
)
def test_the_id_token_vouches_for_account_region_and_user(
    sign_in: SignIn, user: str, account: str, region: str, path: str
) -> None:
    base = sign_in.base_url
    discovery = sign_in.http.get(
        f"{base}/global/oauth/anonymous/.well-known/openid-configuration", timeout=5
    ).json()
    keys = sign_in.http.get(discovery["jwks_uri"], timeout=5).json()
    token = sign_in.tokens(user=user)["id_token"]

    claims = jwt.decode(
        token,
        key=jwt.PyJWKSet.from_dict(keys).keys[0].key,
        algorithms=["RS256"],
        audience=CLIENT,
        issuer=discovery["issuer"],
    )

    assert (claims["account_id"], claims["user_id"], claims["region"]) == (account, user, region)
    assert claims["aud"] == [base + path, CLIENT]


def test_the_delegation_stays_the_same_across_refreshes(sign_in: SignIn) -> None:
    first = sign_in.tokens()
    second = sign_in.refresh(first["refresh_token"]).json()

    one, two = (
        jwt.decode(answer["id_token"], options={"verify_signature": False})["delegation_id"]
        for answer in (first, second)
    )
    assert one == two


def test_tokens_and_the_signing_key_survive_a_restart(tmp_path: Any, http: Any) -> None:
    path, clients = str(tmp_path / "sandbox.sqlite3"), {CLIENT: CLIENT_SECRET}
    with SandboxServer(path=path, clients=clients) as before:
        tokens = SignIn(before.url, http).tokens()
        keys = before.sandbox.tokens.jwks()
    with SandboxServer(path=path, clients=clients) as after:
        assert after.sandbox.tokens.jwks() == keys
        assert SignIn(after.url, http).refresh(tokens["refresh_token"]).status_code == 200


def test_a_delegation_is_issued_until_it_is_revoked(
    sign_in: SignIn, sandbox: Sandbox, contract: Contract | None
) -> None:
    token = sign_in.tokens(scope="openid oauth_delegations.read")["access_token"]
    grant = sandbox.store.all("grant")[0]["id"]
    other = sign_in.tokens(scope="openid users.read")
    path = f"/users/PUSER00/oauth_delegations/{grant}"

    def status(token: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"}
        answer = sign_in.http.get(sign_in.base_url + path, headers=headers, timeout=5)
        if contract:
            contract.check_response("GET", path, answer.status_code, answer.json())
        return answer.status_code, answer.json().get("status", "")

    assert status(token) == (200, "issued")
    assert status(other["access_token"])[0] == 403
    second = sign_in.tokens(scope="openid oauth_delegations.read")["access_token"]
    sandbox.tokens.revoke(id=grant)
    assert status(second) == (200, "revoked")
    assert status(token)[0] == 401
