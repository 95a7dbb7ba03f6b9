"""The fence of core.db.hot: each public function leaves and returns what the ORM does (tests.core.db.hot.plain)."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Model

from connections.models import Connection, Grant, NotificationFact, RequestBudget
from core.db.hot import prepared, rows
from core.db.hot.batch import Batch
from tests.core.db.hot import plain
from workflows.models import ActionCall

pytestmark = pytest.mark.django_db

HOT = SimpleNamespace(
    Batch=Batch,
    update=rows.update,
    claim=rows.claim,
    read_with=rows.read_with,
    of_keys=rows.of_keys,
    fetch_related=rows.fetch_related,
    run=prepared.run,
)
AT = datetime(2026, 11, 2, 10, 0, 0, 123456, tzinfo=UTC)
ODD = {"a": [1, None, 1.5, True, 'ü’\\"'], "": {}}


class Lost(Exception):
    pass


def call_of(connection: Connection, number: int, **fields: Any) -> ActionCall:
    """Return an unsaved call that is the same each time."""
    return ActionCall(
        **{
            "id": uuid.UUID(int=number),
            "workspace": connection.workspace,
            "connection": connection,
            "action": "x/y",
            "origin": "step",
            "input": {},
            "fingerprint": "f",
            "created_at": AT,
            **fields,
        }
    )


def insert_with_values(by: Any, connection: Connection, there: ActionCall) -> Any:
    call = call_of(connection, 2, input=ODD, settles_at=AT, output=None)
    with by.Batch() as batch:
        batch.insert(call, {"status": "running", "lease_holder": uuid.UUID(int=7), "lease_until": AT})
    return call.status, call.lease_holder, call._state.adding


def insert_what_is_there(by: Any, connection: Connection, there: ActionCall) -> Any:
    with by.Batch() as batch:
        batch.insert(call_of(connection, 1, fingerprint="another"))


def insert_by_a_key_of_the_database(by: Any, connection: Connection, there: ActionCall) -> Any:
    fact = NotificationFact(workspace=connection.workspace, kind="k", group="g", data=ODD, created_at=AT)
    with by.Batch() as batch:
        batch.insert(fact)


def renew(by: Any, connection: Connection, there: ActionCall) -> Any:
    for per_minute, refusals in ((960, 0), (60, 3)):
        with by.Batch() as batch:
            budget = RequestBudget(key="one", per_minute=per_minute, refusals=refusals)
            batch.insert(budget, same=("key",), renewed=("per_minute",))


def change(by: Any, connection: Connection, there: ActionCall) -> Any:
    with by.Batch() as batch:
        batch.update(
            there,
            {"status": "pending", "lease_until": None},
            {"output": ODD, "attempts": 2, "connection": connection, "error": None},
            Lost(),
        )
    return there.output, there.attempts, there.connection == connection


def change_what_is_otherwise(by: Any, connection: Connection, there: ActionCall) -> Any:
    with by.Batch() as batch:
        batch.update(there, {"status": "running"}, {"attempts": 2}, Lost())
        batch.insert(call_of(connection, 2))


def change_what_need_not_match(by: Any, connection: Connection, there: ActionCall) -> Any:
    with by.Batch() as batch:
        batch.update(there, {"lease_until": AT}, {"attempts": 2}, None)
        batch.insert(call_of(connection, 2))
    return there.attempts


def hold_and_write(by: Any, connection: Connection, there: ActionCall) -> Any:
    with by.Batch() as batch:
        batch.hold(there, {"lease_holder": None}, Lost())
        batch.update(there, {}, {"unsure": True}, None)
        batch.insert(call_of(connection, 2))
    return there.unsure


def hold_what_is_otherwise(by: Any, connection: Connection, there: ActionCall) -> Any:
    with by.Batch() as batch:
        batch.hold(there, {"lease_holder": uuid.UUID(int=7)}, Lost())
        batch.update(there, {}, {"unsure": True}, None)


def one_part_fails(by: Any, connection: Connection, there: ActionCall) -> Any:
    with by.Batch() as batch:
        batch.update(there, {}, {"attempts": 2}, Lost())
        batch.insert(call_of(connection, 1))


def add_a_statement(by: Any, connection: Connection, there: ActionCall) -> Any:
    told: list[Any] = []
    sql = (
        "UPDATE workflows_actioncall SET attempts = attempts + %s WHERE fingerprint = %s AND {so_far}"
        " RETURNING attempts AS answer"
    )
    with by.Batch() as batch:
        batch.add(sql, [5, "f"], Lost(), told.append)
        batch.add(sql, [7, "of none"], None, told.append)
    return told


def add_a_statement_that_matches_nothing(by: Any, connection: Connection, there: ActionCall) -> Any:
    sql = "DELETE FROM workflows_actioncall WHERE fingerprint = %s AND {so_far} RETURNING 1 AS answer"
    with by.Batch() as batch:
        batch.add(sql, ["of none"], Lost())
        batch.insert(call_of(connection, 2))


def raise_meanwhile(by: Any, connection: Connection, there: ActionCall) -> Any:
    with by.Batch() as batch:
        batch.insert(call_of(connection, 2))
        raise Lost


def update_alone(by: Any, connection: Connection, there: ActionCall) -> Any:
    missed = by.update(there, {"status": "pending", "attempts": 1}, {"rounds": 9})
    hit = by.update(there, {"status": "pending", "lease_until": None}, {"error": ODD, "lease_until": AT})
    null_is_no_wildcard = by.update(there, {"lease_until": None}, {"rounds": 9})
    return missed, hit, null_is_no_wildcard, there.error


def claim_alone(by: Any, connection: Connection, there: ActionCall) -> Any:
    as_seen = {"status": "pending", "attempts": 0, "lease_until": None}
    taken = {"attempts": 1, "lease_until": AT}
    return [by.claim(there, as_seen, taken) for _ in range(2)]


def read(by: Any, connection: Connection, there: ActionCall) -> Any:
    where = {"pk": connection.pk, "workspace": connection.workspace_id}
    return [fields_of(row) for row in by.read_with(Connection, where, Grant, "connection")]


def read_without_the_other(by: Any, connection: Connection, there: ActionCall) -> Any:
    Grant.objects.all().delete()
    row, other = by.read_with(Connection, {"pk": connection.pk}, Grant, "connection")
    return fields_of(row), other


def read_nothing(by: Any, connection: Connection, there: ActionCall) -> Any:
    by.read_with(Connection, {"pk": connection.pk, "workspace": uuid.UUID(int=7)}, Grant, "connection")


def read_by_keys(by: Any, connection: Connection, there: ActionCall) -> Any:
    made = [call_of(connection, number, input=ODD) for number in range(2, 8)]
    ActionCall.objects.bulk_create(made)
    keys = [uuid.UUID(int=99), *(call.pk for call in made), made[0].pk]
    some = [by.of_keys(ActionCall, keys[:number]) for number in range(len(keys) + 1)]
    return [{key: fields_of(row) for key, row in found.items()} for found in some]


def read_what_is_referred_to(by: Any, connection: Connection, there: ActionCall) -> Any:
    calls = [call_of(connection, number) for number in (2, 3)]
    for call in calls:
        call._state.fields_cache.clear()
    connections = by.fetch_related(calls, "connection")
    people = by.fetch_related(connections, "authorised_by")
    known = [fields_of(call.connection) for call in calls], [one.authorised_by for one in connections]
    return [fields_of(row) for row in connections], people, known, by.fetch_related([], "connection")


def run_a_query(by: Any, connection: Connection, there: ActionCall) -> Any:
    with by.run("SELECT count(*) FROM workflows_actioncall WHERE status = %s", ["pending"]) as cursor:
        return cursor.fetchall()


def fields_of(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def all_rows() -> list[Any]:
    facts = NotificationFact.objects.values("workspace", "kind", "group", "data", "created_at")
    budgets = RequestBudget.objects.values("key", "per_minute", "full_until", "refusals")
    return [list(ActionCall.objects.order_by("pk").values()), list(facts), list(budgets)]


def outcome_of(act: Callable[..., Any], by: Any, connection: Connection) -> tuple[Any, list[Any]]:
    """Return what it returned or raised, and the rows that it left; then undo it."""
    there = call_of(connection, 1)
    undo = transaction.savepoint()
    there.save(force_insert=True)
    inner = transaction.savepoint()
    try:
        answer = act(by, connection, there)
    except (Lost, IntegrityError, Connection.DoesNotExist) as error:
        if isinstance(error, IntegrityError):
            transaction.savepoint_rollback(inner)
        answer = type(error)
    left = all_rows()
    transaction.savepoint_rollback(undo)
    return answer, left


@pytest.mark.parametrize(
    "act",
    [
        insert_with_values,
        insert_what_is_there,
        insert_by_a_key_of_the_database,
        renew,
        change,
        change_what_is_otherwise,
        change_what_need_not_match,
        hold_and_write,
        hold_what_is_otherwise,
        one_part_fails,
        add_a_statement,
        add_a_statement_that_matches_nothing,
        raise_meanwhile,
        update_alone,
        claim_alone,
        read,
        read_without_the_other,
        read_nothing,
        read_by_keys,
        read_what_is_referred_to,
        run_a_query,
    ],
    ids=lambda act: act.__name__.replace("_", " "),
)
def test_it_leaves_the_rows_that_the_orm_leaves(act: Callable[..., Any], connection: Connection) -> None:
    assert outcome_of(act, HOT, connection) == outcome_of(act, plain, connection)
