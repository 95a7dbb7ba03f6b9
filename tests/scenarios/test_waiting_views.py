"""Views that wait for a provider: meanwhile another thread has the only connection to the database that there is."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test import Client
from requests.adapters import HTTPAdapter

from connections.models import Connection, User, Workspace
from core.db import lending
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import DANA, Ask
from tests.support.agency import form_path, look, once_of
from tests.support.browser import connection_page, signed_in
from tests.support.consent import Dance, decide
from tests.support.relay import relay
from tests.support.sandbox_incidents import fill
from tests.support.sandbox_webhooks import connection, kept, trigger
from workflows.models import ActionCall, Trigger

__all__ = ["connection", "kept", "relay", "trigger"]
pytestmark = pytest.mark.django_db(transaction=True)
_PATIENCE = 30


class Provider:
    """The sandbox, which answers a request only after another thread has asked for the connection to the database.

    asked: the paths of the requests. kept: of those during which the thread did not get it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.kept: list[str] = []
        self._lender = lending.Lender(1, longest=5.0)
        self._threads = ThreadPoolExecutor(2)
        send = HTTPAdapter.send

        def answer(adapter: HTTPAdapter, request: Any, **more: Any) -> Any:
            path = request.path_url.partition("?")[0]
            self.asked.append(path)
            if not self._threads.submit(self._borrows).result(_PATIENCE):
                self.kept.append(path)
            return send(adapter, request, **more)

        def answer_late() -> None:
            monkeypatch.setattr(HTTPAdapter, "send", answer)

        self._answer_late = answer_late

    def _borrows(self) -> bool:
        try:
            with self._lender.loan(), connections["default"].cursor() as cursor:
                cursor.execute("SELECT 1")
        except OperationalError:
            return False
        return True

    def during(self, view: Callable[[], Any]) -> Any:
        """Return what the view answers, called in a thread as the web server does."""

        def on_loan() -> Any:
            with self._lender.loan():
                return view()

        self._answer_late()
        answer = self._threads.submit(copy_context().run, on_loan).result(_PATIENCE)
        assert self.asked
        assert self.kept == []
        return answer

    def close(self) -> None:
        self._threads.shutdown()
        wrapper, _used_at = self._lender._free.get_nowait()
        if wrapper is not None:
            wrapper.close()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    made = Provider(monkeypatch)
    yield made
    made.close()


@pytest.fixture
def workspace(connection: Connection) -> Workspace:
    return connection.workspace


@pytest.fixture
def alice(connection: Connection) -> User:
    return User.objects.get(email="alice@alice.example")


@pytest.fixture
def browser(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def note(sandbox: Sandbox, connection: Connection) -> dict[str, str]:
    """What a note says, about an incident that there is."""
    [incident] = fill(sandbox, 1)
    return {"from": DANA, "incident_id": incident, "content": "Look"}


def test_an_action_over_the_api(
    ask: Ask, connection: Connection, note: dict[str, str], provider: Provider
) -> None:
    path = f"connections/{connection.pk}/actions/pagerduty/create-incident-note/"

    answer = provider.during(lambda: ask("post", path, note))

    assert (answer.status_code, answer.json()["status"]) == (200, "completed")


def test_an_action_on_its_page(
    browser: Client, connection: Connection, note: dict[str, str], provider: Provider
) -> None:
    form = form_path(connection, "create-incident-note")
    sent = note | {"_once": once_of(look(browser, form))}

    answer = provider.during(lambda: browser.post(form, sent))

    assert (answer.status_code, ActionCall.objects.get().status) == (302, "completed")


def test_a_check_on_its_page(browser: Client, connection: Connection, provider: Provider) -> None:
    provider.during(lambda: browser.post(connection_page(connection, "check")))

    connection.refresh_from_db()
    assert (connection.checked_at is not None, connection.check_failure) == (True, "")


def test_a_check_over_the_api(ask: Ask, connection: Connection, provider: Provider) -> None:
    answer = provider.during(lambda: ask("post", f"connections/{connection.pk}/check/"))

    assert (answer.status_code, answer.json()["healthy"]) == (200, True)


def test_a_list_to_choose_from(ask: Ask, connection: Connection, provider: Provider) -> None:
    path = f"connections/{connection.pk}/lookups/pagerduty/services/"

    answer = provider.during(lambda: ask("get", path))

    assert answer.json()["options"]


def test_a_page_with_lists_to_choose_from(
    browser: Client, connection: Connection, provider: Provider
) -> None:
    page = provider.during(lambda: look(browser, form_path(connection, "create-incident")))

    assert "<option value=" in page
    assert any(path.endswith("/services") for path in provider.asked)


def test_a_revocation(ask: Ask, kept: Trigger, connection: Connection, provider: Provider) -> None:
    answer = provider.during(lambda: ask("post", f"connections/{connection.pk}/revoke/"))

    assert answer.json()["erased"]
    assert any("webhook_subscriptions" in path for path in provider.asked)
    assert any(path.endswith("/openid-configuration") for path in provider.asked)


def test_the_way_back_from_the_consent_page(alice: User, workspace: Workspace, provider: Provider) -> None:
    dance = Dance(alice)
    back = decide(dance.start(workspace, "Another"))

    answer = provider.during(lambda: dance.come_back(back))

    assert (answer.status_code, Connection.objects.get(label="Another").status) == (302, "active")


def test_a_stream(ask: Ask, connection: Connection, sandbox: Sandbox, provider: Provider) -> None:
    fill(sandbox, 250)
    path = f"connections/{connection.pk}/actions/pagerduty/list-incidents/"

    def read() -> list[bytes]:
        answer = ask("post", path, {}, Accept="application/x-ndjson")
        return b"".join(answer.streaming_content).splitlines()

    lines = provider.during(read)

    assert (len(lines), len(provider.asked)) == (251, 3)
    assert b"summary" in lines[-1]
