"""Who a client says to be, and who is believed: one address for log, audit, throttles and sign-in limits."""

from typing import Any

import pytest
from allauth.account.adapter import get_adapter
from django.test import Client, RequestFactory
from rest_framework.throttling import AnonRateThrottle
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from connections.models import AuditEvent, User
from taskjuice.http import addresses
from taskjuice.logs import logging_config
from tests.factories import people

FORGED = "192.0.2.66"
SIGN_IN = "/accounts/login/"


@pytest.mark.parametrize(("proxies", "ip"), [(0, "10.0.0.1"), (1, "198.51.100.7")])
def test_everything_sees_the_same_address(db: None, settings: Any, proxies: int, ip: str) -> None:
    settings.TRUSTED_PROXIES = proxies
    who = people()
    browser = Client(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=f"{FORGED}, 198.51.100.7:4711")
    browser.force_login(who.dora, backend="django.contrib.auth.backends.ModelBackend")

    with capture_logs() as lines:
        answer = browser.post("/settings/people/second-factor/", {"required": "yes"})

    assert {line["ip"] for line in lines if "ip" in line} | {get_contextvars().get("ip", ip)} == {ip}
    assert AuditEvent.objects.latest("pk").ip == ip
    request: Any = answer.wsgi_request
    assert get_adapter(request).get_client_ip(request) == ip
    assert AnonRateThrottle().get_ident(request) == ip


def test_the_log_line_has_the_believed_address(db: None, settings: Any, caplog: Any) -> None:
    settings.TRUSTED_PROXIES = 0
    Client(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=FORGED).get(SIGN_IN)
    assert "10.0.0.1" in caplog.text
    assert FORGED not in caplog.text


@pytest.mark.parametrize("written", ["203.0.113.9", "203.0.113.9:51234", '"203.0.113.9"', " 203.0.113.9 "])
def test_an_address_is_the_same_however_a_proxy_writes_it(written: str) -> None:
    assert addresses.client_address("10.0.0.1", written, proxies=1) == "203.0.113.9"


# Forty sign-ins each: the test above reads every way to write it.
@pytest.mark.parametrize(
    "written",
    ["{}:51234", pytest.param('"{}"', marks=pytest.mark.slow), pytest.param(" {} ", marks=pytest.mark.slow)],
)
def test_wrong_passwords_behind_a_proxy_lock_out_one_address(db: None, settings: Any, written: str) -> None:
    settings.TRUSTED_PROXIES = 1
    User.objects.create_user("alice@alice.example", password="the right one, at last")

    def tried(address: str, password: str) -> Any:
        browser = Client(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=written.format(address))
        return browser.post(SIGN_IN, {"login": "alice@alice.example", "password": password})

    for number in range(40):
        Client(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=written.format("203.0.113.9")).post(
            SIGN_IN, {"login": f"guess{number}@alice.example", "password": "wrong, of course"}
        )

    assert tried("198.51.100.7", "the right one, at last").status_code == 302
    assert tried("203.0.113.9", "the right one, at last").status_code == 429


def test_what_cannot_be_read_is_warned_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses.log.info("a_logger_that_was_used_before")
    logging_config(json=True)
    monkeypatch.setattr(addresses, "_warned", set())
    with capture_logs() as lines:
        for _ in range(3):
            assert addresses.client_address("10.0.0.1", "unknown", proxies=1) == "10.0.0.1"
            assert addresses.client_address("10.0.0.1", "", proxies=1) == "10.0.0.1"
    assert [line["because"] for line in lines] == ["unreadable", "missing"]
    assert "unknown" not in {line.get("value") for line in lines}


def test_no_other_header_says_who_a_client_is(db: None, settings: Any) -> None:
    """Without https in PUBLIC_BASE_URL there is no proxy whose word could be taken."""
    settings.TRUSTED_PROXIES = 0
    request = RequestFactory(
        REMOTE_ADDR="10.0.0.1",
        HTTP_X_FORWARDED_PROTO="https",
        HTTP_X_FORWARDED_HOST="evil.example",
        HTTP_X_FORWARDED_PORT="444",
        HTTP_X_REAL_IP=FORGED,
        HTTP_FORWARDED=f"for={FORGED};proto=https",
    ).get("/")
    assert (request.is_secure(), request.get_host()) == (False, "testserver")
