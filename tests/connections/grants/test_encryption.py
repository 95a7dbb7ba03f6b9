"""Secrets at rest: bound to their row, failing closed, rotating while everything runs."""

from typing import Any

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from connections.grants.key_rotation import rotate, sealed_columns
from connections.models import Connection, Grant
from core.crypto import Unreadable, reveal, seal, sealed_with_newest_key
from tests.factories import People, connect

OLD, NEW = "the-old-key-of-the-tests", "the-new-key-of-the-tests"


@examples(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_what_was_sealed_is_revealed_and_never_in_sight(secret: str) -> None:
    grant = Grant()
    seal(grant, "access_token", secret)

    assert reveal(grant, "access_token") == secret
    assert len(secret) < 4 or secret not in grant.access_token


def test_the_same_secret_looks_different_each_time() -> None:
    grant = Grant()
    seal(grant, "access_token", "x")
    first = grant.access_token
    seal(grant, "access_token", "x")

    assert grant.access_token != first


def test_a_sealed_value_opens_in_no_other_row_and_no_other_column() -> None:
    mine, theirs = Grant(), Grant()
    seal(mine, "access_token", "secret")
    theirs.access_token = mine.refresh_token = mine.access_token

    for row, column in ((theirs, "access_token"), (mine, "refresh_token")):
        with pytest.raises(Unreadable):
            reveal(row, column)


@pytest.mark.parametrize("place", range(0, 60, 7))
def test_one_changed_character_is_refused_without_quoting_it(place: int) -> None:
    grant = Grant()
    seal(grant, "access_token", "a secret")
    sealed = grant.access_token
    at = place % len(sealed)
    grant.access_token = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]

    with pytest.raises(Unreadable) as error:
        reveal(grant, "access_token")

    assert sealed not in str(error.value)
    assert "a secret" not in str(error.value)


@pytest.mark.parametrize("value", [None, "", "plain text", "v1", "v1.x.y", "v2.a.b", "v1..", "…"])
def test_what_was_never_sealed_is_refused(value: Any) -> None:
    with pytest.raises(Unreadable):
        reveal(Grant(access_token=value), "access_token")


def test_without_the_right_key_nothing_is_answered(settings: Any) -> None:
    grant = Grant()
    settings.ENCRYPTION_KEYS = [OLD]
    seal(grant, "access_token", "secret")
    settings.ENCRYPTION_KEYS = [NEW]

    with pytest.raises(Unreadable):
        reveal(grant, "access_token")


def test_a_short_key_is_refused(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = ["short"]

    with pytest.raises(ImproperlyConfigured):
        seal(Grant(), "access_token", "secret")


def test_rotation_reseals_everything_with_the_newest_key(who: People, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    connections = [connect(who.acme, f"Number {n}") for n in range(3)]
    settings.ENCRYPTION_KEYS = [NEW, OLD]

    assert rotate() == 6
    assert rotate() == 0

    settings.ENCRYPTION_KEYS = [NEW]
    for connection in connections:
        grant = Grant.objects.get(connection=connection)
        assert sealed_with_newest_key(grant, "access_token")
        assert reveal(grant, "access_token") == f"access-{connection.pk}"
        assert reveal(grant, "refresh_token") == f"refresh-{connection.pk}"


def test_a_value_that_changes_meanwhile_is_left_alone(
    connection: Connection, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENCRYPTION_KEYS = [NEW, *settings.ENCRYPTION_KEYS]
    grant = Grant.objects.get(connection=connection)

    def meanwhile(row: Grant, field: str) -> str:
        seal(grant, "access_token", "refreshed meanwhile")
        seal(grant, "refresh_token", "refreshed meanwhile")
        grant.save()
        return reveal(row, field)

    monkeypatch.setattr("connections.grants.key_rotation.reveal", meanwhile)
    rotate()

    grant.refresh_from_db()
    assert reveal(grant, "access_token") == reveal(grant, "refresh_token") == "refreshed meanwhile"


def test_the_command_says_how_many(
    connection: Connection, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ENCRYPTION_KEYS = [NEW, *settings.ENCRYPTION_KEYS]

    call_command("rotate_encryption")

    assert "2" in capsys.readouterr().out


def test_every_secret_of_the_product_is_sealed() -> None:
    names = {f"{model.__name__}.{column}" for model, column in sealed_columns()}

    assert names == {
        "ClientLink.secret",
        "Grant.access_token",
        "Grant.refresh_token",
        "HookSecret.secret",
        "Invitation.secret",
        "Notice.body",
        "OAuthApp.client_secret",
        "TriggerSecret.secret",
    }


def test_second_factors_are_sealed_and_rotate(who: People, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    adapter = get_adapter()
    sealed = adapter.encrypt("TOTPSECRET")
    row = Authenticator.objects.create(user=who.alice, type="totp", data={"secret": sealed})
    assert "TOTPSECRET" not in sealed

    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert rotate() == 1
    settings.ENCRYPTION_KEYS = [NEW]

    row.refresh_from_db()
    assert adapter.decrypt(row.data["secret"]) == "TOTPSECRET"
