"""Who gets into the admin, and what its pages show."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from connections.accounts import api_keys
from connections.models import ApiKey, AuditEvent, Connection, Grant
from tests.connections.admin.staff import CONNECTIONS, KEYS, page_of, staff
from tests.factories import SYSTEM, People, connect
from tests.support.browser import signed_in


# --- who gets in -------------------------------------------------------------------------------------------
def test_agency_people_do_not_get_into_the_admin(who: People) -> None:
    assert signed_in(who.alice).get(CONNECTIONS).status_code == 302


def test_the_sign_in_is_our_own(client: Client, db: None) -> None:
    answer = client.get("/admin/login/?next=/admin/")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_support_looks_at_everything_and_changes_nothing_by_hand(support: Client, root: Client) -> None:
    app = support.get("/admin/").context["available_apps"]
    listed = {model["object_name"]: model["perms"] for entry in app for model in entry["models"]}

    assert set(listed) == {
        *("Account", "Workspace", "Membership", "Connection", "Grant", "ApiKey", "AuditEvent", "Notice"),
        *("Trigger", "Event", "Workflow", "Run", "ActionCall", "Hook", "HookDelivery"),
        *("Schedule", "OrmQ", "Success", "Failure"),
    }
    for name, allowed in listed.items():
        assert allowed == {"add": False, "change": False, "delete": False, "view": True}, name


@pytest.mark.parametrize("name", ["Support", "Agency support"])
def test_the_groups_give_no_right_over_people_rights_or_rows(db: None, name: str) -> None:
    held = Group.objects.get(name=name).permissions.values_list("codename", "content_type__app_label")

    assert not [codename for codename, _ in held if codename.startswith(("add_", "change_", "delete_"))]
    assert not {app for _, app in held} & {"auth", "admin", "sessions", "mfa", "account", "socialaccount"}
    assert "view_user" not in {codename for codename, _ in held}


def test_the_second_group_sees_its_own_accounts_and_nothing_of_the_machinery(db: None) -> None:
    both = [
        set(Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename"))
        for name in ("Support", "Agency support")
    ]

    assert both[1] < both[0]
    assert {codename for app, codename in both[0] - both[1] if app != "django_q"} == {"see_every_account"}


def test_staff_give_themselves_no_rights(who: People) -> None:
    bob = staff(who.bob, "Support")
    who.bob.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))

    form = {"email": who.bob.email, "is_superuser": "on", "is_staff": "on", "is_active": "on"}
    answer = bob.post(page_of(who.bob), form)

    assert answer.status_code == 403
    who.bob.refresh_from_db()
    assert not who.bob.is_superuser


# --- what is shown -----------------------------------------------------------------------------------------
def test_no_page_shows_a_token_a_digest_or_a_part_of_one(
    support: Client, root: Client, connection: Connection, who: People
) -> None:
    grant = Grant.objects.get()
    key, whole = api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="Reporting", scopes=[])
    sealed = [str(grant.access_token), str(grant.refresh_token), key.digest, whole.split("_")[2]]
    parts = [part for secret in sealed for part in (secret[:24], secret[-12:])]
    parts += [f"access-{str(connection.pk)[:8]}", f"refresh-{str(connection.pk)[:8]}", whole[:20]]
    pages = [page_of(row) for row in (grant, connection, key, who.agency, who.acme)]
    pages += [CONNECTIONS, KEYS, reverse("admin:connections_grant_changelist")]

    for browser in (support, root):
        for path in pages:
            answer = browser.get(path)
            assert answer.status_code == 200
            page = answer.content.decode()
            assert [part for part in parts if part in page] == []


@pytest.mark.parametrize(
    ("page", "lookup"),
    [
        ("grant", "access_token__startswith=v1"),
        ("grant", "refresh_token__gt=v"),
        ("grant", "connection__grant__access_token__startswith=v1"),
        ("apikey", "digest__startswith=a"),
        ("apikey", "digest__regex=.*"),
        ("connection", "grant__access_token__startswith=v1"),
        ("user", "password__startswith=a"),
        ("membership", "user__password__startswith=a"),
        ("auditevent", "api_key__digest__startswith=a"),
    ],
)
def test_no_filter_spells_out_what_no_page_shows(root: Client, page: str, lookup: str) -> None:
    assert root.get(f"/admin/connections/{page}/?{lookup}").status_code == 400


def test_a_row_leads_to_the_lists_around_it(support: Client, connection: Connection, who: People) -> None:
    elsewhere = connect(who.other, "Elsewhere")

    page = support.get(page_of(who.agency)).content.decode()
    link = re.search(rf'href="({CONNECTIONS}\?[^"]+)"', page)

    assert link is not None
    listed = support.get(link[1]).content.decode()
    assert page_of(connection) in listed
    assert page_of(elsewhere) not in listed
    assert "By account" in listed


def test_a_whole_id_is_found_and_so_is_the_beginning_of_a_name(
    support: Client, connection: Connection
) -> None:
    for wanted in (connection.pk, connection.workspace_id, connection.workspace.account_id, "Acm"):
        assert page_of(connection) in support.get(f"{CONNECTIONS}?q={wanted}").content.decode()

    assert (
        page_of(connection) not in support.get(f"{CONNECTIONS}?q={Grant.objects.get().pk}").content.decode()
    )


def test_history_and_surroundings_cannot_be_changed_even_by_a_superuser(
    root: Client, connection: Connection, who: People
) -> None:
    event = AuditEvent.objects.create(
        account=who.agency, connection=connection, actor_kind="system", actor_label="x", action="x"
    )
    for row in (event, Grant.objects.get(), connection):
        assert root.post(page_of(row), {}).status_code == 403
        assert root.post(page_of(row, "delete"), {"post": "yes"}).status_code == 403
        add = reverse(f"admin:connections_{row._meta.model_name}_add")
        assert root.get(add).status_code == 403


def test_pages_keep_to_the_policy(support: Client, connection: Connection) -> None:
    for path in ("/admin/", CONNECTIONS, page_of(connection), page_of(connection, "history")):
        answer = support.get(path)
        assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", answer.content.decode())
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_the_admin_offers_no_second_factor_and_no_confirming_of_addresses(root: Client) -> None:
    page = root.get("/admin/").content.decode()

    for path in ("mfa", "socialaccount", "account"):
        assert f'"/admin/{path}/' not in page
        assert root.get(f"/admin/{path}/").status_code == 404


def test_every_page_of_the_admin_is_known_here(db: None) -> None:
    assert {model._meta.label for model in admin.site._registry} == {
        "auth.Group",
        *(f"django_q.{name}" for name in ("Schedule", "OrmQ", "Success", "Failure")),
        *(f"connections.{name}" for name in ("Account", "Workspace", "Membership", "User")),
        *(f"connections.{name}" for name in ("Connection", "Grant", "Notice", "ApiKey", "AuditEvent")),
        *(f"workflows.{name}" for name in ("Trigger", "Event", "Workflow", "Run", "ActionCall")),
        *(f"workflows.{name}" for name in ("Hook", "HookDelivery")),
    }


def test_keys_of_the_agency_are_listed(support: Client, who: People) -> None:
    api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="Reporting", scopes=[])

    assert ApiKey.objects.get().prefix in support.get(KEYS).content.decode()


def test_the_admin_writes_a_moment_as_the_other_pages_do(root: Client, who: People) -> None:
    row = connect(who.acme, "Main")
    Connection.objects.filter(pk=row.pk).update(last_used_at=datetime(2026, 11, 29, 17, 58, tzinfo=UTC))

    page = root.get(page_of(row)).content.decode()

    assert "29 Nov 2026, 17:58 UTC" in page
    assert "p.m." not in page
