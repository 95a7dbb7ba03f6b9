"""A second factor that an agency, or the admin, asks for; and where a person is signed in."""

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.usersessions.models import UserSession
from django.test import Client

from connections.accounts import api_keys
from connections.models import Account, AuditEvent
from connections.tenancy.actor import Actor
from tests.factories import People
from tests.support.browser import signed_in
from tests.support.present import present

SET_UP = "/accounts/2fa/totp/activate/"


def test_an_agency_that_requires_a_second_factor_leads_its_people_to_it_first(who: People) -> None:
    answer = signed_in(who.dora).post("/settings/people/second-factor/", {"required": "yes"})
    assert answer["Location"] == "/settings/people/"
    assert AuditEvent.objects.get().detail == {"required": True}

    bob = signed_in(who.bob)
    for path in ("/", "/settings/connections/", "/triggers/", "/accounts/pagerduty/login/callback/"):
        assert bob.get(path)["Location"] == SET_UP, path
    assert bob.post("/settings/agency/new/", {"name": "Another"})["Location"] == SET_UP
    page = bob.get(SET_UP)
    assert "Your agency requires 2FA" in page.content.decode()
    api = bob.get("/api/v1/connections/")
    assert (api.status_code, api.json()["error"]["code"]) == (403, "second_factor_required")
    assert signed_in(who.charlie).get("/settings/connections/").status_code == 200

    secret = bob.session["mfa.totp.secret"]
    code = totp.format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())))
    assert bob.post(SET_UP, {"code": code}).status_code == 302
    assert bob.get("/settings/connections/").status_code == 200
    assert secret not in str(Authenticator.objects.values_list("data"))


@pytest.mark.parametrize("header", ["", " ", "Bearer", "Bearer tj_nothing", "Basic YTpi", "anything"])
@pytest.mark.parametrize("path", ["/api/v1/connections/", "/api/schema/", "/api/docs/"])
def test_a_header_that_nobody_believes_is_no_second_factor(who: People, path: str, header: str) -> None:
    Account.objects.update(second_factor_required=True)

    answer = signed_in(who.bob).get(path, headers={"Authorization": header})

    assert answer.status_code in (401, 403)


def test_an_api_key_needs_no_second_factor(who: People) -> None:
    Account.objects.update(second_factor_required=True)
    _, whole = api_keys.create_key(
        actor=Actor.system(), workspace=who.acme, name="One", scopes=["connections:read"]
    )
    bearer = {"Authorization": f"Bearer {whole}"}

    for browser in (Client(), signed_in(who.bob)):
        assert browser.get("/api/v1/connections/", headers=bearer).status_code == 200


def test_only_those_in_charge_switch_it(who: People) -> None:
    assert signed_in(who.bob).post("/settings/people/second-factor/", {"required": "yes"}).status_code == 403
    assert not Account.objects.filter(second_factor_required=True).exists()

    alice = signed_in(who.alice)
    alice.post("/settings/people/second-factor/", {"required": "yes"})
    assert [one.name for one in Account.objects.filter(second_factor_required=True)] == ["Agency"]
    alice.post("/settings/people/second-factor/", {"required": "no"})
    assert Account.objects.filter(second_factor_required=True).exists()  # no member acts here without one


def test_a_part_of_a_page_loads_the_page_anew_when_a_second_factor_is_asked_for(who: People) -> None:
    Account.objects.update(second_factor_required=True)

    answer = signed_in(who.bob).get("/triggers/", headers={"HX-Request": "true"})

    assert answer.status_code in (204, 302)
    assert answer.headers.get("HX-Refresh") == "true"


def test_the_admin_is_for_staff_with_a_second_factor(who: People, settings: Any) -> None:
    settings.ADMIN_NEEDS_SECOND_FACTOR = True
    who.alice.is_staff = who.alice.is_superuser = True
    who.alice.save()
    alice = signed_in(who.alice)

    assert alice.get("/admin/")["Location"] == SET_UP
    assert alice.get("/settings/connections/").status_code == 200
    Authenticator.objects.create(user=who.alice, type=Authenticator.Type.TOTP, data={})
    assert alice.get("/admin/").status_code == 200


def test_a_person_sees_where_they_are_signed_in_and_ends_one(who: People) -> None:
    here = signed_in(who.bob, HTTP_USER_AGENT="Here")
    phone = signed_in(who.bob, HTTP_USER_AGENT="Phone", REMOTE_ADDR="198.51.100.4")
    foreign = signed_in(who.charlie, HTTP_USER_AGENT="Charlie's")
    for browser in (here, phone, foreign):
        assert browser.get("/settings/connections/").status_code == 200

    page = here.get("/settings/sessions/").content.decode()
    assert "198.51.100.4" in page
    assert "Charlie" not in page
    ends = re.findall(r'action="(/settings/sessions/\d+/end/)"', page)
    assert len(ends) == 1
    charlies = UserSession.objects.get(user=who.charlie)
    assert here.post(f"/settings/sessions/{charlies.pk}/end/").status_code == 404
    assert here.post(ends[0]).status_code == 302

    assert phone.get("/settings/connections/").status_code == 302
    assert here.get("/settings/connections/").status_code == 200
    assert foreign.get("/settings/connections/").status_code == 200


def test_a_person_signs_out_everywhere_else(who: People) -> None:
    here, *others = [signed_in(who.bob) for _ in range(3)]
    foreign = signed_in(who.charlie)
    for browser in (here, *others, foreign):
        assert browser.get("/settings/connections/").status_code == 200

    here.post("/settings/sessions/end-others/")

    assert [one.get("/settings/connections/").status_code for one in others] == [302, 302]
    assert here.get("/settings/connections/").status_code == 200
    assert foreign.get("/settings/connections/").status_code == 200


def test_no_page_shows_the_key_of_a_session(who: People) -> None:
    here = signed_in(who.bob)

    assert present(here.session.session_key) not in here.get("/settings/sessions/").content.decode()
