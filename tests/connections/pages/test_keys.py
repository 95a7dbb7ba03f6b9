"""Settings → API keys: who may, what is shown once, and what a key is worth afterwards."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.accounts import api_keys
from connections.models import ApiKey, AuditEvent
from tests.factories import SYSTEM, People
from tests.support.browser import signed_in

KEYS, ADD = reverse("connections:keys"), reverse("connections:key_add")


def form(who: People, **changes: Any) -> dict[str, Any]:
    return {
        "_once": uuid.uuid4().hex,
        "name": "Reporting",
        "workspace": str(who.acme.pk),
        "scopes": ["connections:read"],
        "days": "90",
    } | changes


def test_a_key_is_shown_once_works_and_is_revoked(alice: Client, who: People, client: Client) -> None:
    assert "No API keys yet" in alice.get(KEYS).content.decode()

    made = alice.post(ADD, form(who))
    found = re.search(r">(tj_[0-9a-f_]+)</textarea>", made.content.decode())
    assert found is not None
    assert "no-store" in made.headers["Cache-Control"]
    key = ApiKey.objects.get()
    assert key.created_by == who.alice
    assert key.expires_at is not None
    assert 89 <= (key.expires_at - timezone.now()).days <= 90

    def use() -> int:
        headers = {"Authorization": f"Bearer {found[1]}"}
        return int(client.get("/api/v1/connections/", headers=headers).status_code)

    assert use() == 200
    page = alice.get(KEYS).content.decode()
    assert key.prefix in page
    assert found[1] not in page

    path = reverse("connections:key_revoke", args=[key.pk])
    assert "can’t be undone" in alice.get(path).content.decode()
    assert use() == 200
    assert " revoked." in alice.post(path, follow=True).content.decode()
    assert use() == 401
    actions = list(AuditEvent.objects.values_list("action", "actor_label").order_by("created_at"))
    assert actions == [("api_key.created", who.alice.email), ("api_key.revoked", who.alice.email)]


def test_a_form_that_is_sent_twice_makes_one_key(alice: Client, who: People) -> None:
    page = alice.get(ADD, follow=True).content.decode()
    found = re.search(r'name="_once" value="([0-9a-f]{32})"', page)
    assert found is not None
    sent = form(who, _once=found[1])
    assert alice.post(ADD, sent).status_code == 200

    again = alice.post(ADD, sent, follow=True).content.decode()

    assert "already submitted" in again
    assert ApiKey.objects.count() == AuditEvent.objects.filter(action="api_key.created").count() == 1
    # Another person's form of the same key is another form.
    assert signed_in(who.dora).post(ADD, sent).status_code == 200
    assert ApiKey.objects.count() == 2


@pytest.mark.parametrize("once", ["", "x", "a" * 33], ids=range(3))
def test_a_form_without_its_key_makes_none(alice: Client, who: People, once: str) -> None:
    answer = alice.post(ADD, form(who, _once=once))

    assert answer.status_code == 400
    assert "Please submit again" in answer.content.decode()
    assert not ApiKey.objects.exists()
    assert alice.post(ADD).status_code == 400


def test_a_key_until_it_is_revoked_has_no_end(alice: Client, who: People) -> None:
    alice.post(ADD, form(who, days=""))

    assert ApiKey.objects.get().expires_at is None
    page = alice.get(KEYS).content.decode()
    assert "Never" in page
    assert "Expired" not in page

    ApiKey.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert "Expired" in alice.get(KEYS).content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["people:manage"]}, "scopes"),
        ({"days": "9999"}, "days"),
        ({"workspace": "x"}, "workspace"),
    ],
    ids=range(6),
)
def test_a_form_that_is_wrong_names_the_field(
    alice: Client, who: People, changes: dict[str, Any], field: str
) -> None:
    answer = alice.post(ADD, form(who, **changes))

    assert answer.status_code == 400
    assert field in answer.context["form"].errors
    assert not ApiKey.objects.exists()


def test_keys_are_for_owner_and_admins(who: People) -> None:
    key, _ = api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="n", scopes=[])
    revoke = reverse("connections:key_revoke", args=[key.pk])

    bob = signed_in(who.bob)
    for answer in (bob.get(KEYS), bob.get(ADD), bob.post(ADD, form(who)), bob.get(revoke), bob.post(revoke)):
        assert answer.status_code == 403
        assert "Only owners and admins can do this" in answer.content.decode()
    key.refresh_from_db()
    assert key.revoked_at is None


def test_another_agency_sees_and_does_nothing(who: People) -> None:
    key, _ = api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="theirs", scopes=[])
    charlie = signed_in(who.charlie)

    assert "theirs" not in charlie.get(KEYS).content.decode()
    assert charlie.post(reverse("connections:key_revoke", args=[key.pk])).status_code == 404
    assert charlie.post(ADD, form(who)).status_code == 400
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_the_list_takes_as_many_queries_for_many_keys_as_for_one(alice: Client, who: People) -> None:
    alice.get(KEYS)

    def queries(count: int) -> int:
        for _ in range(count):
            alice.post(ADD, form(who))
        with CaptureQueriesContext(database) as seen:
            assert alice.get(KEYS).status_code == 200
        return len(seen)

    assert queries(1) == queries(9)
