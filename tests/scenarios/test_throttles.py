"""What happens too often is refused, and only to the caller who does it."""

import json
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from connections.accounts import api_keys
from connections.models import User
from connections.tenancy.actor import Actor
from pagerduty_app.signatures import sign
from tests.world import SECRET, World, world
from workflows.models import Event, TurnedAway

NOON = "2026-11-02T12:00:10Z"


@pytest.fixture
def there(db: None) -> World:
    return world()


def test_a_password_cannot_be_guessed_without_end(db: None) -> None:
    User.objects.create_user("alice@alice.example", password="the right one, at last")

    def tried(password: str) -> Any:
        return Client().post("/accounts/login/", {"login": "alice@alice.example", "password": password})

    answers = [tried(f"guess {n}") for n in range(6)]

    assert "Too many failed sign-ins" in answers[-1].content.decode()
    right = tried("the right one, at last")
    assert right.status_code != 302
    assert "_auth_user_id" not in right.client.session
    cache.clear()  # the count is in the cache that all processes share
    assert tried("the right one, at last").status_code == 302


def test_an_api_key_beyond_its_limit_is_told_when_to_go_on(there: World, settings: Any) -> None:
    settings.API_PER_MINUTE = 3
    heads = []
    for name in ("One", "Other"):
        _, whole = api_keys.create_key(
            actor=Actor.system(), workspace=there.who.acme, name=name, scopes=["connections:read"]
        )
        heads.append({"Authorization": f"Bearer {whole}"})

    with time_machine.travel(NOON, tick=False):
        statuses = [Client().get("/api/v1/connections/", headers=heads[0]).status_code for _ in range(4)]
        refused = Client().get("/api/v1/catalog/", headers=heads[0])
        other = Client().get("/api/v1/connections/", headers=heads[1])
    with time_machine.travel("2026-11-02T12:01:00Z", tick=False):
        later = Client().get("/api/v1/connections/", headers=heads[0])

    assert statuses == [200, 200, 200, 429]
    assert (refused.status_code, refused["Retry-After"]) == (429, "50")
    assert refused.json() == {
        "error": {
            "code": "throttled",
            "message": "Rate limit exceeded: more than 3 requests in a minute. Retry in 50 seconds.",
            "retryable": True,
        }
    }
    assert other.status_code == later.status_code == 200


def test_a_cache_that_is_away_stops_nobody(there: World, settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    settings.API_PER_MINUTE = 1
    _, whole = api_keys.create_key(
        actor=Actor.system(), workspace=there.who.acme, name="One", scopes=["connections:read"]
    )

    for _ in range(2):
        answer = Client().get("/api/v1/connections/", headers={"Authorization": f"Bearer {whole}"})
        assert answer.status_code == 200
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


def test_wrong_signatures_slow_down_their_sender_and_never_a_genuine_one(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.inbox.limits.MAX_REFUSED", 5)
    url = f"/hooks/pagerduty/{there.ids['token']}"

    def sent(number: int, signature: str, address: str = "203.0.113.9") -> int:
        body = json.dumps({"event": {"id": f"E{number}", "event_type": "x", "data": {"id": "P1"}}}).encode()
        answer = Client(REMOTE_ADDR=address).post(
            url,
            body,
            content_type="application/json",
            headers={"X-PagerDuty-Signature": signature or sign(body, SECRET)},
        )
        return answer.status_code

    with time_machine.travel(NOON, tick=False):
        wrong = [sent(n, "v1=" + "0" * 64) for n in range(7)]
        assert wrong == [401] * 5 + [429] * 2
        assert sent(100, "") == 202
        assert sent(101, "v1=" + "0" * 64, address="203.0.113.10") == 401
        assert sent(102, "") == 202
    assert Event.objects.filter(external_id__in=["E100", "E102"]).count() == 2
    assert TurnedAway.objects.filter(verdict="refused").count() == 1


def test_the_client_s_address_is_believed_from_our_own_proxies_alone(there: World, settings: Any) -> None:
    def seen(forwarded: str) -> str | None:
        browser = Client(REMOTE_ADDR="10.0.0.1")
        answer = browser.get("/healthz", headers={"X-Forwarded-For": forwarded})
        return str(answer.wsgi_request.META["REMOTE_ADDR"])

    assert seen("198.51.100.7") == "10.0.0.1"
    settings.TRUSTED_PROXIES = 1
    assert seen("198.51.100.7") == "198.51.100.7"
    assert seen("192.0.2.1, 198.51.100.7") == "198.51.100.7"
    assert seen("not an address") == "10.0.0.1"
    assert seen("198.51.100.7:51234") == "198.51.100.7"
    assert seen("[2001:db8::7]:443") == seen("[2001:db8::7]") == seen('"2001:DB8::7"') == "2001:db8::7"
    assert seen("fe80::1%" + "e" * 40) == seen("[fe80::1%eth0]:1") == "fe80::1"
    assert seen("::ffff:198.51.100.7") == "198.51.100.7"
    settings.TRUSTED_PROXIES = 2
    assert seen("192.0.2.1, 198.51.100.7, 10.0.0.2") == "198.51.100.7"
    assert seen("10.0.0.2") == "10.0.0.1"
