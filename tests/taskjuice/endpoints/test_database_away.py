"""A database that cannot answer just now: software is told to come again, people are told what happened."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from connections.accounts import api_keys
from connections.tenancy.actor import Actor
from tests.factories import People

LEAVES = [
    OperationalError("FATAL: sorry, too many clients already"),
    InterfaceError("connection already closed"),
]


@contextmanager
def away(error: Exception) -> Iterator[None]:
    def refuse(*args: Any) -> Any:
        raise error

    with connection.execute_wrapper(refuse):
        yield


def bearer(who: People) -> dict[str, str]:
    _, whole = api_keys.create_key(
        actor=Actor.system(), workspace=who.acme, name="One", scopes=["workflows:read", "workflows:write"]
    )
    return {"Authorization": f"Bearer {whole}"}


def browser_of(who: People) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(who.bob, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def assert_comes_again(answer: Any) -> None:
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert answer.json()["error"] == {
        "code": "unavailable",
        "message": "The database is unavailable. Try again in a moment.",
        "retryable": True,
    }


@pytest.mark.parametrize("error", LEAVES)
def test_the_api_answers_503_that_can_be_tried_again(who: People, error: Exception) -> None:
    with_key, browser = bearer(who), browser_of(who)
    with away(error):
        assert_comes_again(Client(raise_request_exception=False).get("/api/v1/workflows/", headers=with_key))
        assert_comes_again(
            browser.get("/api/v1/workflows/")
        )  # fails in a middleware, before the API's own code


def test_a_page_says_what_happened(who: People) -> None:
    browser = browser_of(who)
    with away(LEAVES[0]):
        answer = browser.get("/settings/connections/")
    assert (answer.status_code, bool(answer["Retry-After"])) == (503, True)
    assert "The database is not responding" in answer.content.decode()
    assert "too many clients" not in answer.content.decode()


def test_a_fault_of_ours_stays_a_500(who: People) -> None:
    browser = browser_of(who)
    with away(ValueError("ours")):
        assert browser.get("/api/v1/workflows/").status_code == 500
        assert browser.get("/settings/connections/").status_code == 500
