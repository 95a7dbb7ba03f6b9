"""What a batch promises beyond the rows that it leaves: objects, one statement, no transaction for a claim."""

from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from connections.models import Connection
from core.db.hot import rows
from core.db.hot.batch import Batch
from tests.core.db.hot.test_same_rows import Lost, call_of
from workflows.models import ActionCall

pytestmark = pytest.mark.django_db


def test_objects_stay_as_they_were_where_the_guard_fails(connection: Connection) -> None:
    there, call = call_of(connection, 1), call_of(connection, 2)
    there.save()

    def write() -> None:
        with Batch() as batch:
            batch.update(there, {"status": "running"}, {"attempts": 2}, Lost())
            batch.insert(call, {"unsure": True})

    with pytest.raises(Lost):
        write()

    assert (there.attempts, call.unsure, call._state.adding) == (0, False, True)


def test_nothing_is_written_before_the_end_of_the_block(connection: Connection) -> None:
    with Batch() as batch:
        batch.insert(call_of(connection, 1))
        assert not ActionCall.objects.exists()
    assert ActionCall.objects.exists()


def test_postgresql_runs_all_parts_as_one_statement_without_a_transaction(connection: Connection) -> None:
    there = call_of(connection, 1)
    there.save()

    def statements(parts: int) -> list[str]:
        verbs: list[str] = []

        def note(execute: Any, sql: str, *arguments: Any) -> Any:
            verbs.append(sql.split(maxsplit=1)[0])
            return execute(sql, *arguments)

        with database.execute_wrapper(note), Batch() as batch:
            batch.hold(there, {"status": "pending"}, Lost())
            for number in range(1, parts):
                batch.insert(call_of(connection, 10 * parts + number))
        return verbs

    several = {"postgresql": ["WITH"], "sqlite": ["SAVEPOINT", "SELECT", "INSERT", "INSERT", "RELEASE"]}
    assert statements(3) == several[database.vendor]
    assert statements(1) == ["SELECT"]


def test_a_claim_shares_no_transaction(connection: Connection) -> None:
    call = call_of(connection, 1)
    call.save()

    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        rows.claim(call, {}, {"fingerprint": "changed"})


@pytest.mark.parametrize("names", [{"step_run": None}, {"nothing": 1}], ids=str)
def test_what_is_no_column_is_refused(names: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=next(iter(names))):
        rows.update(ActionCall(), {}, names)
