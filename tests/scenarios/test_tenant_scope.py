"""The tenant scope on PostgreSQL: a request sees its own tenant, and a thread without a scope none, in any query.

The tests assume a role that row-level security holds for (tests/support/database_role.py), as a server should.
SQLite has no row-level security; the marker leaves this file out there.
"""

import json
import threading
from collections.abc import Iterator
from contextvars import Context
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, connections, models, transaction
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.test import Client
from django.urls import include, path
from rest_framework.response import Response

from connections.accounts import api_keys
from connections.api.endpoints import Endpoint
from connections.models import Connection, Workspace
from connections.tenancy.actor import Actor
from core.db import tenant_scope
from core.db.postgresql.roles import passes_through
from pagerduty_app.signatures import sign
from tests.support.browser import signed_in
from tests.world import SECRET, World, world
from workflows import worker
from workflows.models import Event, Trigger

# Tables without a tenant, and why.
WITHOUT_TENANT = {
    "connections_user": "a person may belong to many agencies, and signs in before any is known",
    "connections_requestbudget": "counts by a digest of whom the provider counts, across workspaces",
    "workflows_heartbeat": "signs of life of workers",
    "workflows_hooksender": "which worker sends, on which machine",
}


def tenants() -> list[type[models.Model]]:
    ours = [*apps.get_app_config("connections").get_models(), *apps.get_app_config("workflows").get_models()]
    return [model for model in ours if model._meta.db_table not in WITHOUT_TENANT]


def everything() -> dict[str, list[str]]:
    """Every row of every tenant table, as code that forgot its filter asks for them."""
    return {
        model._meta.db_table: sorted(str(pk) for pk in model._base_manager.values_list("pk", flat=True))
        for model in tenants()
    }


def careless(request: HttpRequest) -> JsonResponse:
    return JsonResponse(everything())


def careless_stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(f"{table}: {rows}\n" for table, rows in _one_by_one())


def _one_by_one() -> Iterator[tuple[str, list[str]]]:
    for model in tenants():
        yield model._meta.db_table, [str(pk) for pk in model._base_manager.values_list("pk", flat=True)]


def broken(request: HttpRequest) -> JsonResponse:
    with transaction.atomic():
        Connection.objects.count()
        raise RuntimeError("in the middle")


def writing(request: HttpRequest) -> JsonResponse:
    """Code that takes a foreign workspace from the request without looking whose it is."""
    try:
        with transaction.atomic():
            Connection.objects.create(
                workspace_id=request.GET["workspace"], provider="pagerduty", label="Mine"
            )
    except DatabaseError as error:
        return JsonResponse({"refused": "row-level security" in str(error)})
    changed = Workspace.objects.update(name="Taken")
    return JsonResponse({"refused": False, "changed": changed})


class Careless(Endpoint):
    def get(self, request: Any) -> Response:
        return Response(everything())


urlpatterns = [
    path("careless/", careless),
    path("careless/stream/", careless_stream),
    path("broken/", broken),
    path("writing/", writing),
    path("admin/careless/", careless),
    path("api/careless/", Careless.as_view()),
    path("", include("taskjuice.urls")),
]
pytestmark = [pytest.mark.postgresql, pytest.mark.urls(__name__)]


@pytest.fixture
def there(db: None) -> World:
    """Everything of Alice's agency, and one connection of Charlie's."""
    made = world()
    Connection.objects.create(workspace=made.who.other, provider="pagerduty", label="Charlie's")
    return made


def mine(seen: dict[str, list[str]]) -> dict[str, int]:
    return {table: len(rows) for table, rows in seen.items() if rows}


CHARLIES = {
    "connections_account": 1,
    "connections_workspace": 1,
    "connections_membership": 1,
    "connections_connection": 1,
}


def test_every_table_of_a_tenant_has_a_policy_that_holds_for_its_owner_too(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
            " AND EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = pg_class.oid)"
        )
        protected = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        [[exempt]] = cursor.fetchall()

    assert passes_through(connection) is bool(exempt)
    assert protected == {model._meta.db_table for model in tenants()}
    assert not exempt


@pytest.mark.django_db(transaction=True)
def test_a_new_thread_sees_no_row_of_any_tenant_and_writes_none() -> None:
    there = world()
    found: dict[str, int] = {}
    refused: list[str] = []

    def in_a_thread() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT polrelid::regclass::text FROM pg_policy")
                for (table,) in cursor.fetchall():
                    cursor.execute(f"SELECT count(*) FROM {table}")
                    [found[table]] = cursor.fetchone()
            Workspace.objects.update(name="Taken")
            Connection.objects.create(workspace=there.who.acme, provider="pagerduty", label="Mine")
        except DatabaseError as error:
            refused.append(str(error))
        finally:
            connection.close()

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join(30)

    assert found == dict.fromkeys((model._meta.db_table for model in tenants()), 0)
    assert ["row-level security" in error for error in refused] == [True]
    assert not Workspace.objects.filter(name="Taken").exists()
    assert [
        table for table, rows in everything().items() if not rows and table not in _EMPTY_IN_THE_WORLD
    ] == []


@pytest.mark.django_db(transaction=True)
def test_a_connection_of_a_worker_is_told_its_scope_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world()
    connection.close()
    told: list[tenant_scope.Scope] = []
    wrapper: Any = type(connections["default"])
    set_scope = wrapper._set_session_scope

    def noted(self: Any, wanted: tenant_scope.Scope) -> None:
        told.append(wanted)
        set_scope(self, wanted)

    monkeypatch.setattr(wrapper, "_set_session_scope", noted)
    begun = Context()
    for _ in range(3):
        for task in (worker.drain, worker.housekeeping, worker.send_hooks):
            begun.run(task)

    assert told == [tenant_scope.EVERYTHING]


def test_forgotten_filters_show_no_row_of_another_tenant(there: World) -> None:
    whole = everything()
    assert [table for table, rows in whole.items() if not rows and table not in _EMPTY_IN_THE_WORLD] == []

    assert signed_in(there.who.charlie).get("/careless/").json().keys() == whole.keys()
    assert mine(signed_in(there.who.charlie).get("/careless/").json()) == CHARLIES
    assert mine(signed_in(there.who.charlie).get("/api/careless/").json()) == CHARLIES
    assert mine(Client().get("/careless/").json()) == {}
    alices = signed_in(there.who.alice).get("/careless/").json()
    for table, rows in whole.items():
        foreign = CHARLIES.get(table, 0)
        assert len(alices[table]) == len(rows) - foreign, table


# Watches and subscriptions belong to triggers of other kinds; tests of their own make these.
_EMPTY_IN_THE_WORLD = {
    "connections_grant",
    "workflows_watch",
    "workflows_subscription",
    "workflows_helddelivery",
    "workflows_turnedaway",
    "workflows_retentionstatement",
    "workflows_steprun",
    "workflows_trace",
    "workflows_hooksecret",
}


def test_an_api_key_sees_its_workspace_and_not_the_one_beside_it(there: World) -> None:
    beside = Workspace.objects.create(account=there.who.agency, name="Beside")
    key, whole = api_keys.create_key(
        actor=Actor.system(), workspace=beside, name="Beside", scopes=["connections:read"]
    )

    seen = Client().get("/api/careless/", headers={"Authorization": f"Bearer {whole}"}).json()

    assert seen["connections_apikey"] == [str(key.pk)]
    assert seen["connections_workspace"] == [str(beside.pk)]
    assert seen["connections_account"] == [str(there.who.agency.pk)]
    assert seen["connections_connection"] == seen["workflows_event"] == seen["connections_membership"] == []


def test_a_key_in_a_signed_in_browser_still_sees_its_workspace_alone(there: World) -> None:
    beside = Workspace.objects.create(account=there.who.agency, name="Beside")
    _, whole = api_keys.create_key(actor=Actor.system(), workspace=beside, name="Beside", scopes=[])

    browser = signed_in(there.who.alice)
    seen = browser.get("/api/careless/", headers={"Authorization": f"Bearer {whole}"}).json()

    assert seen["connections_workspace"] == [str(beside.pk)]


def test_a_streamed_answer_keeps_the_scope_of_its_request(there: World) -> None:
    answer: Any = signed_in(there.who.charlie).get("/careless/stream/")
    text = b"".join(answer.streaming_content).decode()

    assert str(there.who.other.pk) in text
    assert str(there.who.acme.pk) not in text
    assert Workspace.objects.count() == 2


def test_nothing_is_written_into_another_tenant(there: World) -> None:
    browser = signed_in(there.who.charlie)

    assert browser.get(f"/writing/?workspace={there.who.acme.pk}").json() == {"refused": True}
    assert browser.get(f"/writing/?workspace={there.who.other.pk}").json() == {"refused": False, "changed": 1}
    assert Workspace.objects.get(pk=there.who.acme.pk).name == "Acme"


def test_what_one_request_leaves_behind_the_next_does_not_see(there: World) -> None:
    """Also when it ended in the middle of a transaction, on a connection that both use."""
    alice, charlie = signed_in(there.who.alice, raise_request_exception=False), signed_in(there.who.charlie)

    for _ in range(2):
        with transaction.atomic():
            assert alice.get("/broken/").status_code == 500
            assert mine(charlie.get("/careless/").json()) == CHARLIES
            assert mine(Client().get("/careless/").json()) == {}
            transaction.set_rollback(True)
        assert mine(Client().get("/careless/").json()) == {}
        assert mine(charlie.get("/careless/").json()) == CHARLIES
    assert Workspace.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("undo", ["rollback", "savepoint", "failed"])
def test_a_transaction_that_is_undone_does_not_bring_back_an_earlier_scope(undo: str) -> None:
    """What was set in the session is undone with it."""
    world()
    assert Workspace.objects.count() == 2

    with tenant_scope.scoped(tenant_scope.NOTHING):
        try:
            with transaction.atomic():
                with transaction.atomic():
                    assert Workspace.objects.count() == 0
                    transaction.set_rollback(undo == "savepoint")
                assert Workspace.objects.count() == 0
                if undo == "failed":
                    connection.cursor().execute("SELECT 1 / 0")
                transaction.set_rollback(undo == "rollback")
        except DatabaseError:
            assert undo == "failed"
        assert Workspace.objects.count() == 0
    assert Workspace.objects.count() == 2


def test_a_session_without_a_scope_sees_nothing(there: World) -> None:
    """psql, or other software that sets no tenant scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM connections_workspace")
        assert cursor.fetchone() == (2,)
        raw = cursor.cursor
        raw.execute("RESET taskjuice.wall")
        raw.execute("SELECT count(*) FROM connections_workspace")
        assert raw.fetchone() == (0,)


def test_support_that_sees_every_account_does_so_in_the_admin_alone(there: World) -> None:
    boss = there.who.charlie
    boss.is_staff = boss.is_superuser = True
    boss.save()
    browser = signed_in(boss)

    assert len(browser.get("/admin/careless/").json()["connections_workspace"]) == 2
    assert mine(browser.get("/careless/").json()) == CHARLIES


def test_the_receiver_needs_nobody_signed_in(there: World) -> None:
    event = {"id": "E1", "event_type": "incident.triggered", "occurred_at": "2026-11-01T10:00:00Z"}
    body = json.dumps({"event": {**event, "data": {"id": "P1"}}}).encode()
    answer = Client().post(
        f"/hooks/pagerduty/{there.ids['token']}",
        body,
        content_type="application/json",
        headers={"X-PagerDuty-Signature": sign(body, SECRET)},
    )

    assert answer.status_code == 202
    assert Event.objects.filter(external_id="E1").exists()


@pytest.mark.django_db(transaction=True)
def test_row_level_security_costs_each_statement_little() -> None:
    """The visible keys are computed once for a statement, and rows are still found by index."""
    there = world()
    trigger = Trigger.objects.get(pk=there.ids["trigger_id"])
    Event.objects.bulk_create(
        Event(
            workspace=there.who.acme,
            trigger=trigger,
            external_id=f"many {n}",
            event_type="x",
            lane="x",
            body=b"{}",
            status="done",
        )
        for n in range(3_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    newest = Event.objects.filter(workspace=there.who.acme).order_by("-seq")[:50]

    with tenant_scope.scoped(tenant_scope.Scope(accounts=frozenset({there.who.agency.pk}))):
        plan = newest.explain(analyze=True)
    assert "Index Scan" in plan
    assert "event_by_workspace" in plan or "pkey" in plan
    assert "Seq Scan on workflows_event" not in plan
    with tenant_scope.unscoped():
        assert "never executed" in newest.explain(analyze=True)  # workers pay for no look-up of workspaces


def test_the_policies_hold_wherever_they_are_asked_from(there: World) -> None:
    """pg_dump, for one, has no schema on its path."""
    tables = [model._meta.db_table for model in tenants()]
    for scope in (tenant_scope.EVERYTHING, tenant_scope.Scope(accounts=frozenset({there.who.agency.pk}))):
        with tenant_scope.scoped(scope), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL search_path = ''")
            for table in tables:
                cursor.execute(f"SELECT count(*) FROM public.{table}")
