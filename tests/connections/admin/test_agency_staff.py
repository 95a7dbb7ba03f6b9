"""An agency's own staff in the admin: they see and end what is theirs, and learn nothing of anybody else's."""

import re
import uuid
from datetime import datetime
from typing import Any

import pytest
import responses
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client, RequestFactory
from django.utils import timezone

from connections.accounts import api_keys
from connections.admin.shared.narrowed import narrowings
from connections.admin.shared.scoped import ScopedPage
from connections.models import AuditEvent, Connection, Grant, Membership, Notice, User
from connections.web.staff import support_actor
from tests.connections.admin.staff import ACCOUNTS, CONNECTIONS, act, page_of, staff
from tests.factories import SYSTEM, People, connect
from tests.support.browser import signed_in
from workflows.models import (
    ActionCall,
    Event,
    Hook,
    HookDelivery,
    Run,
    StepRun,
    Trigger,
    Workflow,
    WorkflowVersion,
)

pytestmark = pytest.mark.slow

# Keys that are numbers are six digits long, so that they are not found by chance in the text of a page.
# In every name and text of Charlie's agency, and nowhere else; its rows are of a year that no other agency has.
MARK = "zebra"
THEN = datetime(2019, 3, 5, tzinfo=timezone.get_default_timezone())
YEAR = 2019


@pytest.fixture
def alice(who: People) -> Client:
    """Owner of her agency, with staff access."""
    return staff(who.alice, "Agency support")


@pytest.fixture
def theirs(who: People, connection: Connection) -> list[Model]:
    """A row of each kind in Charlie's agency."""
    account, workspace = who.other.account, who.other
    for row in (account, workspace):
        row.name = f"{MARK} {row.name}"
        row.created_at = THEN
        row.save()
    User.objects.filter(pk=who.charlie.pk).update(email=f"{MARK}@charlie.example")
    foreign = connect(workspace, f"{MARK} connection")
    Connection.objects.filter(pk=foreign.pk).update(external_account_name=MARK, created_at=THEN)
    key, _ = api_keys.create_key(actor=SYSTEM, workspace=workspace, name=f"{MARK} key", scopes=[])
    event = AuditEvent(
        account=account, workspace=workspace, connection=foreign, actor_kind="user", actor_label=MARK,
        action=f"connection.{MARK}", target=MARK, created_at=THEN,
    )  # fmt: skip
    event.save()
    Membership.objects.filter(account=account).delete()
    member = Membership.objects.create(pk=700_001, account=account, user=who.charlie, role="owner")
    return [
        account,
        workspace,
        member,
        foreign,
        Grant.objects.get(connection=foreign),
        key,
        event,
        Notice.objects.create(connection=foreign, kind="k", occasion=MARK, created_at=THEN),
        *work(foreign),
    ]


def work(foreign: Connection) -> list[Model]:
    """A trigger of that connection and all that came of one event."""
    where = {"workspace": foreign.workspace}
    trigger = Trigger.objects.create(
        **where, connection=foreign, key="pagerduty/incident-triggered", name=f"{MARK} trigger"
    )
    event = Event.objects.create(
        **where, seq=700_002, trigger=trigger, external_id=MARK, event_type=f"incident.{MARK}", lane=MARK,
        body=b'{"zebra": 1}', status="failed", received_at=THEN,
    )  # fmt: skip
    workflow = Workflow.objects.create(**where, trigger=trigger, name=f"{MARK} workflow")
    version = WorkflowVersion.objects.create(workflow=workflow, number=1, definition={"steps": []})
    Workflow.objects.filter(pk=workflow.pk).update(live=version, status="active")
    run = Run.objects.create(
        **where, seq=700_003, workflow=workflow, version=version, event=event, lane=MARK, created_at=THEN
    )
    call = ActionCall.objects.create(
        **where, connection=foreign, action=f"pagerduty/{MARK}", origin="step", input={}, fingerprint="",
        created_at=THEN,
    )  # fmt: skip
    StepRun.objects.create(run=run, position=0, key="note", action="x", call=call)
    hook = Hook.objects.create(
        **where, name=f"{MARK} hook", url=f"https://{MARK}.example/", runs=True, created_at=THEN
    )
    told = HookDelivery.objects.create(
        **where, seq=700_004, hook=hook, kind="run", run=run, lane=MARK, created_at=THEN
    )
    return [trigger, event, workflow, run, call, hook, told]


def scoped_pages() -> list[ScopedPage]:
    """The list pages that an agency's staff can open."""
    pages = [page for page in admin.site._registry.values() if isinstance(page, ScopedPage)]
    return [page for page in pages if page.model is not User]


def list_of(row: Any) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/"


def missing(row: Any) -> Any:
    """A key like that row's, of no row."""
    return uuid.uuid4() if isinstance(row.pk, uuid.UUID) else 987_654_321


def seen(browser: Client, path: str, known: Any, **post: Any) -> list[str]:
    """Status and lines of what a request leads to, without the key asked for and what differs every time."""
    answer = browser.post(path, post, follow=True) if post else browser.get(path, follow=True)
    text = answer.content.decode().replace(str(known), "KEY").replace(str(known).replace("-", "_2D"), "KEY")
    text = re.sub(r'value="\w{64}"|nonce="[^"]+"', "", text)
    assert MARK not in text
    return [str(answer.status_code), *text.splitlines()]


# --- what they do see and do ---------------------------------------------------------------------------------
def test_her_own_rows_are_there_and_nobody_elses(
    alice: Client, connection: Connection, theirs: list[Any]
) -> None:
    page = alice.get(CONNECTIONS).content.decode()

    assert connection.label in page
    assert "1 connection" in page
    assert alice.get(page_of(connection)).status_code == 200
    for row in theirs:
        assert MARK not in alice.get(list_of(row)).content.decode()


def test_she_revokes_her_own_connection_and_it_is_on_record_as_support(
    alice: Client, connection: Connection, http: responses.RequestsMock
) -> None:
    answer = act(alice, CONNECTIONS, "revoke_selected", connection, confirmed="yes")

    assert "1 revoked." in answer
    connection.refresh_from_db()
    assert connection.status == "revoked"
    assert AuditEvent.objects.get(action="connection.revoked").actor_kind == "support"


def test_all_of_her_account_is_hers_only(
    alice: Client, who: People, connection: Connection, theirs: list[Any], http: responses.RequestsMock
) -> None:
    assert "<li>1 active</li>" in act(alice, ACCOUNTS, "revoke_everything", who.agency)

    act(alice, ACCOUNTS, "revoke_everything", who.agency, confirmed="yes")

    assert list(Connection.objects.filter(status="revoked")) == [connection]


def test_staff_access_without_a_role_in_charge_shows_nothing(who: People, connection: Connection) -> None:
    bob = staff(who.bob, "Agency support")

    assert "0 connections" in bob.get(CONNECTIONS).content.decode()
    act(bob, CONNECTIONS, "revoke_selected", connection, confirmed="yes")
    connection.refresh_from_db()
    assert connection.status == "active"


def test_who_loses_the_role_loses_the_rows(alice: Client, who: People, connection: Connection) -> None:
    assert connection.label in alice.get(CONNECTIONS).content.decode()

    Membership.objects.filter(user=who.alice).update(role="member")

    assert "0 connections" in alice.get(CONNECTIONS).content.decode()


def test_the_actor_of_her_acts_has_no_rights_elsewhere(who: People) -> None:
    request = RequestFactory().get("/admin/")
    staff(who.alice, "Agency support")
    request.user = User.objects.get(pk=who.alice.pk)

    actor = support_actor(request)

    assert (actor.kind, actor.label) == ("support", who.alice.email)
    assert actor.may("connections:write", who.agency.pk)
    assert not actor.may("connections:write", who.other.account_id)
    assert actor.tenant_filter() == {"workspace__account__in": [who.agency.pk]}


# --- what they try ---------------------------------------------------------------------------------------------
def test_a_row_of_each_kind_of_page_is_tried(theirs: list[Any]) -> None:
    assert {type(row) for row in theirs} == {page.model for page in scoped_pages()}


@pytest.mark.parametrize("view", ["change", "history", "delete"])
def test_a_foreign_row_answers_like_one_that_does_not_exist(
    alice: Client, theirs: list[Any], view: str
) -> None:
    for row in theirs:
        nobodys = missing(row)
        path = list_of(row) + "{}/" + view + "/"
        foreign = seen(alice, path.format(row.pk), row.pk)
        assert foreign == seen(alice, path.format(nobodys), nobodys)
        posted = seen(alice, path.format(row.pk), row.pk, post="yes", name="mine")
        assert posted == seen(alice, path.format(nobodys), nobodys, post="yes", name="mine")


def test_actions_do_nothing_to_foreign_rows_and_say_no_more_of_them(
    alice: Client, theirs: list[Any], http: responses.RequestsMock
) -> None:
    before = [type(row).objects.filter(pk=row.pk).values().get() for row in theirs]

    for row in theirs:
        nobodys = missing(row)
        for action in [*(admin.site.get_model_admin(type(row)).actions or []), "delete_selected"]:
            for more in ({}, {"confirmed": "yes"}):
                form = {"action": action, "index": "0"} | more
                foreign = seen(alice, list_of(row), row.pk, _selected_action=str(row.pk), **form)
                assert foreign == seen(alice, list_of(row), nobodys, _selected_action=str(nobodys), **form)

    assert [type(row).objects.filter(pk=row.pk).values().get() for row in theirs] == before


def test_everything_of_a_list_is_everything_of_hers(
    alice: Client, connection: Connection, theirs: list[Any], http: responses.RequestsMock
) -> None:
    act(alice, CONNECTIONS, "revoke_selected", connection, select_across="1", confirmed="yes")

    assert list(Connection.objects.filter(status="revoked")) == [connection]


def test_no_filter_tells_a_foreign_row_from_one_that_does_not_exist(
    alice: Client, connection: Connection, theirs: list[Any]
) -> None:
    one_of = {type(row): row for row in theirs}
    tried = 0
    for page in scoped_pages():
        for field, lookup in narrowings(page):
            row, path = one_of[field.related_model], list_of(page.model)
            nobodys = missing(row)
            foreign = seen(alice, f"{path}?{lookup}={row.pk}", row.pk)
            assert foreign == seen(alice, f"{path}?{lookup}={nobodys}", nobodys)
            assert f"0 {page.opts.verbose_name_plural}" in "".join(foreign)
            tried += 1
    assert tried > 20


def test_searching_finds_no_foreign_row(alice: Client, theirs: list[Any]) -> None:
    for page in scoped_pages():
        for wanted in (MARK, *(row.pk for row in theirs)):
            text = alice.get(f"{list_of(page.model)}?q={wanted}").content.decode()
            assert f"0 {page.opts.verbose_name_plural}" in text


def test_the_dates_are_those_of_her_own_rows(alice: Client, theirs: list[Any]) -> None:
    for page in scoped_pages():
        path, field = list_of(page.model), page.date_hierarchy
        assert f"__year={YEAR}" not in alice.get(path).content.decode()
        if field:
            for query in (f"{field}__year={YEAR}", f"{field}__year={YEAR}&{field}__month=3"):
                text = alice.get(f"{path}?{query}").content.decode()
                assert f"0 {page.opts.verbose_name_plural}" in text
                assert f"__day={THEN.day}" not in text


def test_completing_a_name_offers_no_foreign_one(alice: Client, theirs: list[Any]) -> None:
    asked = 0
    for page in admin.site._registry.values():
        for field in (field for field in page.opts.fields if field.is_relation):
            query = (
                f"app_label={page.opts.app_label}&model_name={page.opts.model_name}&field_name={field.name}"
            )
            for term in ("", MARK):
                answer = alice.get(f"/admin/autocomplete/?{query}&term={term}")
                asked += answer.status_code == 200
                assert answer.status_code in (200, 403, 404)
                assert MARK not in answer.content.decode()
    assert asked > 20


@pytest.mark.parametrize(
    "query",
    [
        "workspace__name=zebra Other",
        "workspace__account__name__startswith=z",
        "connection__label__contains=zebra",
        "workspace__connections__label__startswith=z",
        "workspace__account__memberships__user__email__startswith=z",
    ],
)
def test_names_cannot_be_guessed_through_relations(alice: Client, theirs: list[Any], query: str) -> None:
    for name in ("connections/auditevent", "workflows/event", "connections/connection"):
        assert alice.get(f"/admin/{name}/?{query}").status_code == 400


def test_the_way_to_a_rows_own_page_tells_nothing(alice: Client, theirs: list[Any]) -> None:
    for row in theirs:
        kind = ContentType.objects.get_for_model(row).pk
        nobodys = missing(row)
        foreign = seen(alice, f"/admin/r/{kind}/{row.pk}/", row.pk)
        assert foreign == seen(alice, f"/admin/r/{kind}/{nobodys}/", nobodys)


def test_people_groups_and_machinery_are_closed(alice: Client, who: People) -> None:
    for path in ("connections/user/", f"connections/user/{who.charlie.pk}/change/", "auth/group/"):
        assert alice.get(f"/admin/{path}").status_code == 403
    # Not even a user who was given only the right to look.
    who.alice.user_permissions.set(Permission.objects.filter(content_type__app_label="django_q"))
    for name in ("schedule", "ormq", "success", "failure"):
        assert alice.get(f"/admin/django_q/{name}/").status_code == 403
    assert "django_q" not in alice.get("/admin/").content.decode()


def test_who_may_look_at_people_sees_their_own_agencys(who: People) -> None:
    staff(who.alice, "Agency support")
    who.alice.user_permissions.set(Permission.objects.filter(codename="view_user"))
    page = signed_in(who.alice).get("/admin/connections/user/").content.decode()

    assert who.bob.email in page
    assert who.charlie.email not in page
