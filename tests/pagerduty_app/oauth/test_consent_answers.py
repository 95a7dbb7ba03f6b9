"""What PagerDuty's token endpoint and id_token may say, and what we make of it (identity host by `responses`)."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
import responses
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.urls import reverse

from connections.models import Connection, Grant
from tests.factories import People
from tests.support.consent import Dance
from tests.support.present import text_sent

pytestmark = pytest.mark.django_db
HOST = settings.PAGERDUTY_IDENTITY_URL
KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
SECRETS = ("the-access-token", "the-refresh-token", "the-code")


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {
        "iss": settings.PAGERDUTY_ID_TOKEN_ISSUERS[0],
        "aud": [settings.PAGERDUTY_API_URL, settings.PAGERDUTY_CLIENT_ID],
        "sub": "dana@acme.example",
        "account_id": "PACC",
        "user_id": "PUSER",
        "subdomain": "acme",
        "region": "us",
        "delegation_id": "d1",
        "iat": now,
        "exp": now + 3600,
    } | changes
    return {name: value for name, value in made.items() if value is not None}


def id_token(*, key: Any = KEY, kid: str = "k1", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm="RS256", headers={"kid": kid})


def token_answer(**changes: Any) -> dict[str, Any]:
    made = {
        "access_token": SECRETS[0],
        "refresh_token": SECRETS[1],
        "id_token": id_token(),
        "token_type": "bearer",
        "scope": "openid incidents.read incidents.write services.read users.read schedules.read teams.read",
        "expires_in": 86400,
    } | changes
    return {name: value for name, value in made.items() if value is not None}


@pytest.fixture
def identity() -> Iterator[responses.RequestsMock]:
    """PagerDuty's identity host with its keys; the test adds what the token endpoint answers."""
    public = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        keys = {"keys": [{**public, "kid": "k1", "use": "sig", "alg": "RS256"}]}
        mock.get(f"{HOST}/global/oauth/anonymous/jwks", json=keys)
        yield mock


@pytest.fixture
def come_back(who: People, identity: responses.RequestsMock) -> Callable[..., Any]:
    """Through the dance with that token answer; the page it ends on."""

    def dance(**answer: Any) -> Any:
        identity.post(f"{HOST}/oauth/token", **answer)
        alice = Dance(who.alice)
        state = parse_qs(urlsplit(alice.start(who.acme)).query)["state"][0]
        return alice.browser.get(reverse("pagerduty_callback"), {"code": SECRETS[2], "state": state})

    return dance


def refused(answer: Any, why: bytes = b"") -> None:
    assert answer.status_code == 502
    assert b"sign-in failed" in answer.content
    assert why in answer.content
    assert Connection.objects.get().status == "pending"
    assert not Grant.objects.exists()
    for secret in SECRETS:
        assert secret.encode() not in answer.content


def test_a_good_answer_connects(come_back: Any, identity: responses.RequestsMock) -> None:
    answer = come_back(json=token_answer())

    assert answer.status_code == 302
    assert Connection.objects.get().status == "active"
    form = parse_qs(text_sent(identity.calls[0].request))
    assert form["grant_type"] == ["authorization_code"]
    assert form["code"] == [SECRETS[2]]
    assert len(form["code_verifier"][0]) >= 43
    assert form["client_secret"] == [settings.PAGERDUTY_CLIENT_SECRET]


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"aud": ["somebody-else", settings.PAGERDUTY_API_URL]},
        {"exp": int(time.time()) - 600},
        {"exp": None},
        {"iat": None},
        # Parameters are made when the file is read, half an hour before their test on a slow machine.
        {"iat": int(time.time()) + 86_400},
        {"account_id": None},
        {"account_id": 7},
        {"account_id": "PACC\x00"},
        {"user_id": ""},
        {"region": "mars"},
        {"region": "eu"},
        {"region": None, "aud": [settings.PAGERDUTY_CLIENT_ID]},
        {"key": OTHER_KEY},
        {"kid": "unknown"},
    ],
    ids=",".join,
)
def test_an_id_token_that_does_not_prove_who_consented_connects_nothing(
    come_back: Any, wrong: dict[str, Any]
) -> None:
    refused(come_back(json=token_answer(id_token=id_token(**wrong))), b"id_token")


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "not.a.token",
        7,
        jwt.encode(claims(), "", algorithm="none"),
        jwt.encode(claims(), "x" * 32, algorithm="HS256", headers={"kid": "k1"}),
    ],
    ids=["missing", "empty", "garbage", "number", "unsigned", "symmetric"],
)
def test_only_rs256_counts(come_back: Any, token: Any) -> None:
    refused(come_back(json=token_answer(id_token=token)), b"id_token")


def test_a_clock_a_minute_off_is_accepted(come_back: Any) -> None:
    token = id_token(iat=int(time.time()) + 50, exp=int(time.time()) - 50)

    assert come_back(json=token_answer(id_token=token)).status_code == 302


def test_an_eu_host_as_audience_is_enough_to_know_the_region(come_back: Any) -> None:
    token = id_token(region=None, aud=[settings.PAGERDUTY_API_URL_EU, settings.PAGERDUTY_CLIENT_ID])

    come_back(json=token_answer(id_token=token))

    assert Connection.objects.get().region == "eu"


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {"error": "invalid_grant", "error_description": SECRETS[2]}, "status": 400},
        {"json": {"error": "invalid_client"}, "status": 401},
        {"body": "<html>", "status": 200},
        {"json": ["a list"]},
        {"status": 503},
        {"status": 429},
        {"status": 302, "headers": {"Location": "https://evil.example"}},
        {"body": requests.ConnectionError(f"token={SECRETS[0]}")},
        {"body": requests.ReadTimeout()},
        {"body": "x" * 300_000},
        {"json": token_answer(access_token=None)},
        {"json": token_answer(access_token=["x"])},
        {"json": token_answer(scope=7)},
        {"body": "[" * 100_000},
        {"json": token_answer(access_token="\ud800")},
        {"json": {"error": "\ud800"}, "status": 400},
        {"json": {}},
        {"json": token_answer(scope="users.read\x00")},
    ],
    ids=range(18),
)
def test_a_token_endpoint_that_fails_connects_nothing_and_tells_no_secret(
    come_back: Any, answer: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    refused(come_back(**answer))

    for secret in SECRETS:
        assert secret not in caplog.text


@pytest.mark.parametrize("life", [None, "soon", -5, 10**30, "1.2.3", [1]])
def test_a_strange_life_of_the_token_is_taken_with_care(come_back: Any, life: Any) -> None:
    assert come_back(json=token_answer(expires_in=life)).status_code == 302


def test_keys_that_cannot_be_had_connect_nothing(come_back: Any, identity: responses.RequestsMock) -> None:
    identity.replace(responses.GET, f"{HOST}/global/oauth/anonymous/jwks", status=500)

    refused(come_back(json=token_answer()), b"500")


def test_a_new_key_is_fetched_when_the_known_ones_do_not_have_it(
    come_back: Any, identity: responses.RequestsMock
) -> None:
    come_back(json=token_answer())
    Connection.objects.all().update(label="First")
    public = jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True)
    identity.replace(
        responses.GET, f"{HOST}/global/oauth/anonymous/jwks", json={"keys": [{**public, "kid": "k2"}]}
    )
    identity.remove(responses.POST, f"{HOST}/oauth/token")

    come_back(json=token_answer(id_token=id_token(key=OTHER_KEY, kid="k2")))

    assert Connection.objects.filter(status="active").count() == 2
