"""The Django admin as support staff use it: what they see, what they do there, and what is on record of it."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.signing import SignedPackage

from connections.accounts import api_keys
from connections.admin.shared import acting
from connections.models import Account, ApiKey, AuditEvent, Connection, Grant, Membership, User, Workspace
from tests.factories import SYSTEM, People, connect
from tests.support.browser import signed_in

CONNECTIONS = reverse("admin:connections_connection_changelist")
ACCOUNTS = reverse("admin:connections_account_changelist")
KEYS = reverse("admin:connections_apikey_changelist")


def staff(person: User, group: str) -> Client:
    """That person, given staff access and the group of that name."""
    person.is_staff = True
    person.save()
    person.groups.set([Group.objects.get(name=group)])
    return signed_in(person)


@pytest.fixture
def support(db: None) -> Client:
    return staff(User.objects.create_user("sam@taskjuice.example"), "Support")


@pytest.fixture
def root(db: None) -> Client:
    return signed_in(User.objects.create_superuser("root@taskjuice.example"))


def act(browser: Client, page: str, action: str, *rows: Any, **more: str) -> str:
    """The page that answers to an action on those rows."""
    chosen = {"_selected_action": [str(row.pk) for row in rows]}
    return browser.post(page, {"action": action} | chosen | more, follow=True).content.decode()


def page_of(row: Any, name: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])


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


# --- revoking ------------------------------------------------------------------------------------------------
def test_revoking_asks_first_and_is_on_record_as_support(
    support: Client, connection: Connection, http: responses.RequestsMock
) -> None:
    question = act(support, CONNECTIONS, "revoke_selected", connection)
    assert "can’t be undone" in question
    assert f"{connection} (Acme, Agency)" in question
    connection.refresh_from_db()
    assert connection.status == "active"

    answer = act(support, CONNECTIONS, "revoke_selected", connection, confirmed="yes")

    assert "1 revoked." in answer
    connection.refresh_from_db()
    assert connection.status == "revoked"
    assert Grant.objects.get().access_token is None
    event = AuditEvent.objects.get(action="connection.revoked")
    assert (event.actor_kind, event.actor_label, event.ip) == (
        "support",
        "sam@taskjuice.example",
        "127.0.0.1",
    )
    assert event.user == User.objects.get(email="sam@taskjuice.example")
    assert event.request_id


def test_the_button_on_a_connections_page_leads_through_the_question_back_to_it(
    support: Client, connection: Connection, http: responses.RequestsMock
) -> None:
    assert 'value="revoke_selected"' in support.get(page_of(connection)).content.decode()

    question = act(support, CONNECTIONS, "revoke_selected", connection, index="0", from_row="1")
    assert 'name="from_row"' in question
    form = {"action": "revoke_selected", "_selected_action": str(connection.pk)}
    answer = support.post(CONNECTIONS, form | {"confirmed": "yes", "from_row": "1"})

    assert answer["Location"] == page_of(connection)


def test_revoking_says_what_it_left_alone(
    support: Client, connection: Connection, who: People, http: responses.RequestsMock
) -> None:
    gone = connect(who.acme, "Gone")
    Connection.objects.filter(pk=gone.pk).update(status="revoked", revoked_at=timezone.now())

    question = act(support, CONNECTIONS, "revoke_selected", connection, gone)
    answer = act(support, CONNECTIONS, "revoke_selected", connection, gone, confirmed="yes")

    assert "Gone (" not in question
    assert "1 revoked." in answer
    assert "1 skipped: already revoked." in answer
    assert "None of the selected items can be changed" in act(support, CONNECTIONS, "revoke_selected", gone)


def test_all_of_an_account_is_counted_first_and_nothing_else_is_touched(
    support: Client, connection: Connection, who: People, http: responses.RequestsMock
) -> None:
    broken, elsewhere = connect(who.acme, "Broken"), connect(who.other, "Elsewhere")
    Connection.objects.filter(pk=broken.pk).update(status="error")

    question = act(support, ACCOUNTS, "revoke_everything", who.agency)
    assert "Revoke all connections of Agency?" in question
    assert "1 active" in question
    assert "1 reconnection needed" in question
    assert "2 total" in question
    assert not Connection.objects.filter(status="revoked").exists()

    answer = act(support, ACCOUNTS, "revoke_everything", who.agency, confirmed="yes")

    assert "2 revoked." in answer
    assert set(Connection.objects.filter(status="revoked")) == {connection, broken}
    assert Grant.objects.get(connection=elsewhere).access_token is not None


def test_only_one_account_at_a_time_is_emptied(support: Client, connection: Connection, who: People) -> None:
    answer = act(support, ACCOUNTS, "revoke_everything", *Account.objects.all(), confirmed="yes")

    assert "Select one account" in answer
    connection.refresh_from_db()
    assert connection.status == "active"


def test_one_go_is_bounded_and_says_that_there_is_more(
    support: Client, who: People, http: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "MOST_ROWS", 2)
    for number in range(3):
        connect(who.acme, f"Number {number}")

    first = act(support, ACCOUNTS, "revoke_everything", who.agency, confirmed="yes")
    second = act(support, ACCOUNTS, "revoke_everything", who.agency, confirmed="yes")

    assert "2 revoked." in first
    assert "again for the rest" in first
    assert "1 revoked." in second
    assert "again for the rest" not in second


def test_a_go_that_takes_long_stops_and_says_so(
    support: Client, who: People, http: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "_SECONDS", -1.0)
    for number in range(3):
        connect(who.acme, f"Number {number}")

    answer = act(support, ACCOUNTS, "revoke_everything", who.agency, confirmed="yes")

    assert "1 revoked." in answer
    assert "again for the rest" in answer


def test_a_key_is_revoked_and_on_record(support: Client, who: People) -> None:
    key, whole = api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="Reporting", scopes=[])

    assert "rejected from now on" in act(support, KEYS, "revoke_keys", key)
    answer = act(support, KEYS, "revoke_keys", key, confirmed="yes")

    assert "1 revoked." in answer
    assert api_keys.find(whole) is None
    assert AuditEvent.objects.get(action="api_key.revoked").actor_kind == "support"


def test_who_may_only_look_is_offered_no_action(who: People, connection: Connection) -> None:
    who.bob.is_staff = True
    who.bob.save()
    seen = ["view_connection", "view_account", "view_apikey", "see_every_account"]
    who.bob.user_permissions.set(Permission.objects.filter(codename__in=seen))
    bob = signed_in(who.bob)

    assert "revoke_selected" not in bob.get(page_of(connection)).content.decode()
    act(bob, CONNECTIONS, "revoke_selected", connection, confirmed="yes")
    act(bob, ACCOUNTS, "revoke_everything", who.agency, confirmed="yes")

    connection.refresh_from_db()
    assert connection.status == "active"


def test_an_id_that_is_none_changes_nothing(support: Client, connection: Connection) -> None:
    form = {"action": "revoke_selected", "_selected_action": "x", "confirmed": "yes"}

    assert support.post(CONNECTIONS, form).status_code == 302
    connection.refresh_from_db()
    assert connection.status == "active"


# --- what superusers change ------------------------------------------------------------------------------------
def test_what_a_superuser_changes_is_in_the_agencys_audit(root: Client, who: People) -> None:
    bob = Membership.objects.get(user=who.bob)

    root.post(page_of(who.agency), {"name": "Renamed", "retention_days": "90", **empty_inline()})
    root.post(page_of(who.acme), {"name": "Acme Ltd"})
    root.post(page_of(bob), {"role": "admin"})
    root.post(page_of(who.bob), {"email": who.bob.email, "is_active": "on", "is_staff": "on"})

    found = AuditEvent.objects.filter(account=who.agency).order_by("created_at")
    assert [(event.action, event.detail) for event in found] == [
        ("account.renamed", {"from": "Agency", "to": "Renamed"}),
        ("workspace.renamed", {"from": "Acme", "to": "Acme Ltd"}),
        ("person.role_changed", {"who": who.bob.email, "from": "member", "to": "admin"}),
        ("person.changed", {"who": who.bob.email, "fields": ["is_staff"]}),
    ]
    assert {event.actor_kind for event in found} == {"support"}
    who.bob.refresh_from_db()
    bob.refresh_from_db()
    assert (who.bob.is_staff, bob.role) == (True, "admin")


def test_saving_without_a_change_is_no_act(root: Client, who: People) -> None:
    root.post(page_of(who.acme), {"name": who.acme.name})

    assert not AuditEvent.objects.exists()


def test_what_a_superuser_adds_and_removes_is_in_the_audit(root: Client, who: People) -> None:
    root.post("/admin/connections/workspace/add/", {"name": "New", "account": str(who.agency.pk)})
    person = {"user": str(who.charlie.pk), "account": str(who.agency.pk), "role": "member"}
    root.post("/admin/connections/membership/add/", person)
    added = Membership.objects.get(user=who.charlie, account=who.agency)
    root.post(page_of(added, "delete"), {"post": "yes"})

    assert Workspace.objects.filter(account=who.agency, name="New").exists()
    assert not Membership.objects.filter(pk=added.pk).exists()
    acts = AuditEvent.objects.filter(account=who.agency).order_by("created_at")
    assert [event.action for event in acts] == ["workspace.created", "person.added", "person.removed"]


def test_an_account_keeps_its_owner_and_a_workspace_its_account(root: Client, who: People) -> None:
    owner = Membership.objects.get(user=who.alice)
    rival = Account.objects.get(name="Rival")

    assert root.post(page_of(owner, "delete"), {"post": "yes"}).status_code == 403
    act(root, "/admin/connections/membership/", "delete_selected", owner, post="yes")
    root.post(page_of(who.acme), {"name": "Acme", "account": str(rival.pk)})

    assert Membership.objects.filter(pk=owner.pk).exists()
    assert Workspace.objects.get(pk=who.acme.pk).account == who.agency


def test_accounts_workspaces_and_people_are_not_deleted(root: Client, who: People) -> None:
    for row in (who.agency, who.acme, who.bob):
        assert root.post(page_of(row, "delete"), {"post": "yes"}).status_code == 403


def empty_inline() -> dict[str, str]:
    names = ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
    return {f"memberships-{name}": "0" for name in names}


# --- the machinery ---------------------------------------------------------------------------------------------
@pytest.fixture
def tasks(db: None) -> list[Any]:
    """One row of each kind that django-q2 keeps."""
    common = {"func": "workflows.worker.drain", "args": ("secret argument",), "result": "secret result"}
    times = {"started": timezone.now(), "stopped": timezone.now()}
    payload = SignedPackage.dumps({"id": "1", "name": "queued", "func": "x.y", "args": ("secret argument",)})
    return [
        Success.objects.create(id="a" * 32, name="good", success=True, **common, **times),
        Failure.objects.create(id="b" * 32, name="bad", success=False, **common, **times),
        Schedule.objects.create(func="workflows.worker.housekeeping", args="'secret argument'"),
        OrmQ.objects.create(key="taskjuice", payload=payload),
    ]


def test_background_tasks_are_shown_without_what_they_carry_and_run_nothing(
    support: Client, root: Client, tasks: list[Any]
) -> None:
    for browser in (support, root):
        for row in tasks:
            listed = browser.get(reverse(f"admin:django_q_{row._meta.model_name}_changelist"))
            for answer in (listed, browser.get(page_of(row))):
                page = answer.content.decode()
                assert answer.status_code == 200
                assert "secret" not in page
                assert 'name="action"' not in page
            assert browser.post(page_of(row), {}).status_code == 403
            assert browser.post(page_of(row, "delete"), {"post": "yes"}).status_code == 403
            assert browser.get(reverse(f"admin:django_q_{row._meta.model_name}_add")).status_code == 403


def test_a_task_that_cannot_be_read_is_still_listed(support: Client, db: None) -> None:
    OrmQ.objects.create(key="taskjuice", payload="made by another SECRET_KEY")

    assert support.get(reverse("admin:django_q_ormq_changelist")).status_code == 200


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
