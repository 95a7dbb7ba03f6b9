"""Grants stay alive: early renewal, one at a time, transient faults without consequence, refusals with one."""

import threading
from datetime import timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import responses
from django.conf import settings as project_settings
from django.db import connections as databases
from django.utils import timezone

from connections.connecting.revoke import revoke
from connections.grants import refresh
from connections.grants import tokens as grants
from connections.models import AuditEvent, Connection, Grant
from core.crypto import reveal, seal
from core.db import insist, lending, tenant_scope
from core.errors import Problem
from tests.factories import SYSTEM, People, connect
from tests.support import notified
from tests.support.present import text_sent
from workflows.worker import token_refresh

URL = f"{project_settings.PAGERDUTY_IDENTITY_URL}/oauth/token"


def age(connection: Connection, **fields: Any) -> None:
    """Let its token be over, and due, unless fields say otherwise."""
    now = timezone.now()
    late = {"expires_at": now - timedelta(minutes=1), "next_refresh_at": now - timedelta(hours=1)}
    Grant.objects.filter(connection=connection).update(**(late | fields))


def renewed(mock: responses.RequestsMock, number: int = 1, **changes: Any) -> responses.BaseResponse:
    answer = {"access_token": f"new-{number}", "refresh_token": f"next-{number}", "expires_in": 3600}
    added: responses.BaseResponse = mock.post(URL, json=answer | changes)
    return added


def problem_of(connection: Connection) -> Problem:
    with pytest.raises(Problem) as raised:
        grants.access_token(connection)
    return raised.value


def test_a_fresh_token_comes_from_the_row(connection: Connection, http: responses.RequestsMock) -> None:
    assert grants.access_token(connection) == f"access-{connection.pk}"
    assert not http.calls


def test_a_token_that_is_over_is_renewed_and_stored_before_use(
    connection: Connection, http: responses.RequestsMock
) -> None:
    age(connection)
    renewed(http)

    assert grants.access_token(connection) == "new-1"

    grant = Grant.objects.get()
    assert reveal(grant, "refresh_token") == "next-1"
    assert f"refresh_token=refresh-{connection.pk}" in text_sent(http.calls[0].request)
    assert grant.generation == 2
    assert grant.expires_at is not None
    assert grant.expires_at > timezone.now() + timedelta(minutes=59)
    assert grant.lease_until is None


def test_the_scopes_stay_when_the_answer_names_none_and_change_when_it_does(
    connection: Connection, http: responses.RequestsMock
) -> None:
    age(connection)
    before = Grant.objects.get().scopes_granted
    renewed(http)
    grants.access_token(connection)
    assert Grant.objects.get().scopes_granted == before

    age(connection)
    http.replace(responses.POST, URL, json={"access_token": "a", "refresh_token": "r", "scope": "users.read"})
    grants.access_token(connection)
    assert Grant.objects.get().scopes_granted == ["users.read"]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 503},
        {"status": 429},
        {"body": requests.ConnectionError()},
        {"body": requests.ReadTimeout()},
        {"body": "no json"},
        {"json": {"error": "invalid_client"}, "status": 401},
        {"json": {"access_token": "x", "scope": 5}},
    ],
    ids=range(7),
)
def test_a_transient_fault_changes_nothing_and_is_tried_again_later(
    connection: Connection, http: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    age(connection)
    http.post(URL, **answer)

    problem = problem_of(connection)

    assert (problem.code, problem.retryable, problem.status) == ("grant_refresh_delayed", True, 503)
    grant = Grant.objects.get()
    assert reveal(grant, "refresh_token") == f"refresh-{connection.pk}"
    assert grant.failures == 1
    assert grant.next_refresh_at is not None
    assert grant.next_refresh_at > timezone.now()
    connection.refresh_from_db()
    assert connection.status == "active"

    problem_of(connection)
    assert len(http.calls) == 1, "asked again before its time"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("120", 120),
        (lambda: format_datetime(timezone.now() + timedelta(minutes=10), usegmt=True), 600),
        ("0", 1),
        ("7200", 3600),
        ("9" * 400, 3600),
    ],
    ids=["seconds", "a date", "at once", "too long", "for ever"],
)
def test_retry_after_of_the_token_endpoint_is_honoured(
    connection: Connection, http: responses.RequestsMock, given: Any, seconds: float
) -> None:
    age(connection)
    http.post(URL, status=429, headers={"Retry-After": given if isinstance(given, str) else given()})

    problem_of(connection)

    at = Grant.objects.get().next_refresh_at
    assert at is not None
    assert seconds * 0.95 - 2 < (at - timezone.now()).total_seconds() < seconds * 1.1 + 1


def test_a_token_that_still_counts_is_used_while_renewing_fails(
    connection: Connection, http: responses.RequestsMock
) -> None:
    age(connection, expires_at=timezone.now() + timedelta(minutes=4))
    http.post(URL, status=503)

    assert grants.access_token(connection) == f"access-{connection.pk}"


def test_a_refusal_breaks_the_connection_and_tells_the_agency_once(
    connection: Connection, http: responses.RequestsMock, who: People
) -> None:
    age(connection)
    http.post(URL, json={"error": "invalid_grant"}, status=400)

    assert problem_of(connection).code == "reconnection_needed"
    assert problem_of(connection).code == "reconnection_needed"

    connection.refresh_from_db()
    assert connection.status == "error"
    assert len(http.calls) == 1
    assert AuditEvent.objects.filter(action="connection.broken").count() == 1
    told = notified.tell()
    assert notified.tell() == []
    assert sorted(to for message in told for to in message.to) == [who.alice.email, who.dora.email]
    assert str(connection.pk) in told[0].body


def test_a_refused_token_is_replaced_and_one_replaced_meanwhile_is_taken_from_the_row(
    connection: Connection, http: responses.RequestsMock
) -> None:
    renewed(http)

    assert grants.replace_refused_token(connection, refused=f"access-{connection.pk}") == "new-1"
    assert grants.replace_refused_token(connection, refused=f"access-{connection.pk}") == "new-1"
    assert len(http.calls) == 1


def test_what_was_reconnected_meanwhile_is_not_judged(connection: Connection) -> None:
    problem = grants.still_refused(connection, reason="401", refused="an older token")

    connection.refresh_from_db()
    assert (connection.status, problem.code) == ("active", "grant_refresh_delayed")
    assert Grant.objects.get().refused_since is None


@pytest.mark.parametrize(
    ("minutes", "renewed", "status", "code"),
    [
        (1, True, "active", "access_refused_for_now"),
        (6, True, "error", "reconnection_needed"),
        (6, False, "active", "access_refused_for_now"),
    ],
)
def test_a_spell_ends_a_grant_only_when_it_lasts_and_was_renewed_in_it(
    connection: Connection, minutes: int, renewed: bool, status: str, code: str
) -> None:
    now = timezone.now()
    since = now - timedelta(minutes=minutes)
    refreshed = since + timedelta(seconds=10) if renewed else since - timedelta(hours=1)
    Grant.objects.update(refused_since=since, refused_at=now - timedelta(seconds=50), refreshed_at=refreshed)

    problem = grants.still_refused(connection, reason="401", refused=f"access-{connection.pk}")

    connection.refresh_from_db()
    assert (connection.status, problem.code) == (status, code)


def test_tokens_that_no_key_opens_are_a_fault_of_ours_not_of_the_connection(
    connection: Connection, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ENCRYPTION_KEYS = ["quite-another-key-than-before"]

    problem = problem_of(connection)

    assert (problem.code, problem.retryable, problem.status) == ("grant_unreadable", True, 503)
    connection.refresh_from_db()
    assert connection.status == "active"
    assert str(Grant.objects.get().pk) in caplog.text


def test_an_unreadable_refresh_token_gives_the_lease_back(connection: Connection) -> None:
    age(connection, refresh_token="v1.gone.AAAA")

    assert problem_of(connection).code == "grant_unreadable"
    assert Grant.objects.get().lease_until is None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("pending", "connection_pending"),
        ("error", "reconnection_needed"),
        ("revoked", "connection_revoked"),
    ],
)
def test_only_an_active_connection_hands_out_a_token(connection: Connection, status: str, code: str) -> None:
    if status == "revoked":
        revoke(actor=SYSTEM, connection=connection)
    Connection.objects.update(status=status)

    problem = problem_of(connection)

    assert (problem.code, problem.status, problem.retryable) == (code, 409, False)


def test_renewal_is_early_enough_and_at_least_daily() -> None:
    now = timezone.now()

    for life, expected in (
        (timedelta(hours=10), timedelta(hours=9)),
        (timedelta(days=30), timedelta(days=1)),
        (timedelta(minutes=20), timedelta(minutes=15)),
        (timedelta(minutes=6), timedelta(minutes=3)),
    ):
        assert refresh.renew_at(now, now + life) == now + expected


def test_what_is_due_is_renewed_in_the_background_and_nothing_else(
    who: People, http: responses.RequestsMock
) -> None:
    due, fresh, broken = (connect(who.acme, label) for label in ("due", "fresh", "broken"))
    age(due)
    age(broken)
    Connection.objects.filter(pk=broken.pk).update(status="error")
    renewed(http)

    assert token_refresh.refresh_due(float("inf")) == (1, False)

    assert reveal(Grant.objects.get(connection=due), "access_token") == "new-1"
    assert reveal(Grant.objects.get(connection=fresh), "access_token") == f"access-{fresh.pk}"


def test_one_grant_that_breaks_does_not_keep_the_others_from_their_renewal(
    who: People, http: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, good = connect(who.acme, "broken"), connect(who.acme, "good")
    age(broken, next_refresh_at=timezone.now() - timedelta(days=9))
    age(good)
    renewed(http)
    fill = refresh.fill

    def breaks(grant: Grant, tokens: Any) -> None:
        if grant.connection_id == broken.pk:
            raise RuntimeError
        fill(grant, tokens)

    monkeypatch.setattr(refresh, "fill", breaks)

    assert token_refresh.refresh_due(float("inf")) == (2, False)
    assert reveal(Grant.objects.get(connection=good), "access_token") == "new-1"


def test_a_lease_left_by_a_dead_process_is_taken_over(
    connection: Connection, http: responses.RequestsMock
) -> None:
    age(connection, lease_until=timezone.now() - timedelta(seconds=1))
    renewed(http)

    assert grants.access_token(connection) == "new-1"


def test_while_another_process_renews_a_good_token_is_used_and_a_bad_one_waits(
    connection: Connection, http: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "_PATIENCE", 0.1)
    held = {"lease_until": timezone.now() + timedelta(seconds=20)}

    age(connection, expires_at=timezone.now() + timedelta(minutes=4), **held)
    assert grants.access_token(connection) == f"access-{connection.pk}"

    age(connection, **held)
    assert problem_of(connection).code == "grant_refresh_delayed"
    assert not http.calls


def test_revoked_while_renewing_leaves_no_token_behind(
    connection: Connection, http: responses.RequestsMock
) -> None:
    age(connection)

    def revoked_meanwhile(request: Any) -> tuple[int, dict[str, str], str]:
        revoke(actor=SYSTEM, connection=connection)
        return 200, {}, '{"access_token": "late", "refresh_token": "later"}'

    http.add_callback(responses.POST, URL, revoked_meanwhile)

    assert problem_of(connection).code == "connection_revoked"
    assert Grant.objects.get().access_token is None


def test_reconnected_while_renewing_keeps_the_new_tokens(
    connection: Connection, http: responses.RequestsMock
) -> None:
    """The refresh is refused because the reconnect made the old token worthless."""
    age(connection)

    def reconnected_meanwhile(request: Any) -> tuple[int, dict[str, str], str]:
        grant = Grant.objects.get()
        seal(grant, "access_token", "reconnected")
        grant.generation += 1
        grant.save()
        return 400, {}, '{"error": "invalid_grant"}'

    http.add_callback(responses.POST, URL, reconnected_meanwhile)

    assert grants.access_token(connection) == "reconnected"
    connection.refresh_from_db()
    assert connection.status == "active"


@pytest.mark.django_db(transaction=True)
def test_many_at_once_renew_once(who: People, http: responses.RequestsMock) -> None:
    connection = connect(who.acme)
    age(connection)
    used: list[str] = []

    def rotate(request: Any) -> tuple[int, dict[str, str], str]:
        token = request.body.split("refresh_token=")[1].split("&")[0]
        used.append(token)
        if used.count(token) > 1:
            return 400, {}, '{"error": "invalid_grant"}'
        threading.Event().wait(0.2)
        return 200, {}, '{"access_token": "new", "refresh_token": "next", "expires_in": 3600}'

    http.add_callback(responses.POST, URL, rotate)
    got: list[str] = []

    @tenant_scope.unscoped()
    def ask() -> None:
        try:
            got.append(grants.access_token(connection))
        finally:
            databases.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert got == ["new"] * 8
    assert used == [f"refresh-{connection.pk}"]


@pytest.mark.django_db(transaction=True)
def test_a_token_is_stored_when_all_database_connections_were_busy(
    who: People, http: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect(who.acme)
    age(connection)
    lender = lending.Lender(1, longest=0.01)
    taken: list[Any] = []

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        taken.append(lender._borrow())  # while PagerDuty answers, another request takes the only one
        return 200, {}, '{"access_token": "new", "refresh_token": "next", "expires_in": 3600}'

    def repeated(*args: Any, **more: Any) -> None:
        lender._take_back(taken.pop())

    http.add_callback(responses.POST, URL, answer)
    monkeypatch.setattr(insist, "log", SimpleNamespace(warning=repeated))
    got: list[str] = []

    @tenant_scope.unscoped()
    def ask() -> None:
        with lender.loan():
            got.append(grants.access_token(connection))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(30)
    lender._free.get_nowait()[0].close()  # type: ignore[union-attr]

    grant = Grant.objects.get()
    assert (got, taken, reveal(grant, "refresh_token")) == (["new"], [], "next")
    assert connection.grant.generation < grant.generation
