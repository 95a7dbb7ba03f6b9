"""Statements that are put together once: the same rows as by Django's own."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.db import IntegrityError, transaction
from django.utils import timezone

from connections.grants.rate_limit import Budget
from connections.models import Connection, Grant
from core.db.hot import batch
from core.db.hot import rows as quick_rows
from tests.workflows.conftest import incident_event
from workflows.engine import fanout
from workflows.models import ActionCall, Run, Trace, Workflow

pytestmark = pytest.mark.django_db


class Lost(Exception):
    pass


def call_of(connection: Connection, **fields: Any) -> ActionCall:
    return ActionCall(
        workspace=connection.workspace, connection=connection, action="x/y", origin="step", **fields
    )


def test_an_inserted_row_reads_as_one_that_was_saved(connection: Connection) -> None:
    fields = {
        "input": {"a": [1, None, "ü"]},
        "output": None,
        "settles_at": timezone.now(),
        "fingerprint": "f",
    }
    quick, saved = call_of(connection, **fields), call_of(connection, **fields)

    quick_rows.insert(quick)
    saved.save()

    assert not quick._state.adding
    same = [
        field.attname for field in ActionCall._meta.concrete_fields if field.name not in ("id", "created_at")
    ]
    rows = ActionCall.objects.filter(pk__in=[quick.pk, saved.pk]).values(*same)
    assert rows[0] == rows[1]
    assert ActionCall.objects.filter(output__isnull=True).count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        quick_rows.insert(quick)


def test_a_change_meets_only_the_row_that_is_as_it_was_seen(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    deliver(incident_event())
    fanout.fan_out_due()
    run, now = Run.objects.get(), timezone.now()
    seen = {"lease_until": None, "status": "pending"}

    assert not quick_rows.update(run, seen | {"status": "paused"}, {"claims": 1})
    assert quick_rows.update(run, seen, {"lease_until": now, "error": {"code": "x"}})
    assert not quick_rows.update(run, seen, {"claims": 1}), "a null is no wild card"
    assert run.lease_until is None, "the object is as it was"

    run = Run.objects.get()
    assert (run.claims, run.lease_until, run.error) == (0, now, {"code": "x"})
    assert Run.objects.filter(error__code="x").exists()


def test_a_row_is_referred_to_by_the_object_itself(
    deliver: Any, note_workflow: Workflow, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    deliver(incident_event())
    fanout.fan_out_due()
    run = Run.objects.get()

    quick_rows.change(run, {}, {"blocked_on": connection, "error": None}, Lost())

    assert run.blocked_on == connection
    assert Run.objects.get().blocked_on == connection


def test_what_is_no_column_is_refused() -> None:
    with pytest.raises(TypeError, match="step_run"):
        quick_rows.update(ActionCall(), {}, {"step_run": None})


def changed_then_inserted(changed: ActionCall, call: ActionCall) -> None:
    with batch.in_one():
        quick_rows.change(changed, {"status": "pending"}, {"attempts": 2}, Lost())
        quick_rows.insert(call, {"unsure": True})


def test_in_one_nothing_follows_what_was_not_there(connection: Connection) -> None:
    there, call = (
        call_of(connection, fingerprint="f", input={}),
        call_of(connection, fingerprint="f", input={}),
    )
    there.save()
    ActionCall.objects.update(status="running")

    with pytest.raises(Lost):
        changed_then_inserted(there, call)

    assert ActionCall.objects.get().attempts == 0
    assert (there.attempts, call.unsure, call._state.adding) == (0, False, True), "nor on the objects"


def test_in_one_all_is_done_and_known(connection: Connection) -> None:
    there, call = (
        call_of(connection, fingerprint="f", input={}),
        call_of(connection, fingerprint="f", input={}),
    )
    there.save()

    changed_then_inserted(there, call)

    assert (there.attempts, call.unsure, call._state.adding) == (2, True, False)
    assert set(ActionCall.objects.values_list("pk", "attempts", "unsure")) == {
        (there.pk, 2, False), (call.pk, 0, True),
    }  # fmt: skip


def test_in_one_what_does_not_matter_stops_nothing(connection: Connection) -> None:
    gone, call = (
        call_of(connection, fingerprint="f", input={}),
        call_of(connection, fingerprint="f", input={}),
    )

    with batch.in_one():
        quick_rows.change(gone, {}, {"attempts": 3}, None)
        quick_rows.insert(call)

    assert ActionCall.objects.get() == call
    assert gone.attempts == 0


def test_in_one_a_held_row_is_held_before_anything_is_written(connection: Connection) -> None:
    there, call = (
        call_of(connection, fingerprint="f", input={}),
        call_of(connection, fingerprint="f", input={}),
    )
    there.save()

    def change_and_insert(status: str) -> None:
        with batch.in_one():
            quick_rows.hold(there, {"status": status}, Lost())
            quick_rows.change(there, {}, {"attempts": 2}, None)
            quick_rows.insert(call)

    with pytest.raises(Lost):
        change_and_insert("running")
    assert ActionCall.objects.get().attempts == 0

    change_and_insert("pending")
    assert ActionCall.objects.get(pk=there.pk).attempts == 2


def test_in_one_a_part_that_fails_undoes_all(connection: Connection) -> None:
    there = call_of(connection, fingerprint="f", input={})
    there.save()

    with pytest.raises(IntegrityError), transaction.atomic():
        changed_then_inserted(there, call_of(connection, id=there.pk, fingerprint="f", input={}))

    assert ActionCall.objects.get().attempts == 0


def test_in_one_what_is_raised_meanwhile_leaves_all_as_it_was(connection: Connection) -> None:
    call = call_of(connection, fingerprint="f", input={})

    def insert_and_break() -> None:
        with batch.in_one():
            quick_rows.insert(call)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        insert_and_break()

    assert not ActionCall.objects.exists()
    quick_rows.insert(call)
    assert ActionCall.objects.exists()


def test_in_one_nobody_asks_and_nothing_is_nested(connection: Connection) -> None:
    def ask() -> None:
        with batch.in_one():
            quick_rows.update(call_of(connection), {}, {"attempts": 2})

    def nest() -> None:
        with batch.in_one(), batch.in_one():
            pass

    def take() -> None:
        with batch.in_one():
            Budget(connection).take()

    for act in (ask, nest, take):
        with pytest.raises(RuntimeError):
            act()


def test_a_claim_shares_no_transaction(connection: Connection) -> None:
    call = call_of(connection, input={}, fingerprint="new")
    call.save()

    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        quick_rows.claim(call, {}, {"fingerprint": "changed"})
    assert quick_rows.claim(call, {"fingerprint": "new"}, {"fingerprint": "claimed"})


def test_a_row_that_may_be_there_is_renewed(
    deliver: Any, note_workflow: Workflow, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    deliver(incident_event())
    fanout.fan_out_due()
    call = call_of(connection, fingerprint="f", input={})
    call.save()
    run, first, later = Run.objects.get(), timezone.now(), timezone.now() + timedelta(minutes=1)

    for at in (first, later):
        trace = Trace(
            account="a", subject="s", kind="k", run=run, depth=0, call=call, first_at=at, last_at=at
        )
        quick_rows.insert(trace, same=("call", "kind", "subject"), renewed=("last_at",))

    assert list(Trace.objects.values_list("first_at", "last_at")) == [(first, later)]


def test_what_is_read_is_the_row_and_what_refers_to_it(connection: Connection) -> None:
    asked = {"pk": connection.pk, "workspace": connection.workspace_id}

    read, grant = quick_rows.read_with(Connection, asked, Grant, "connection")

    fields = [field.attname for field in Connection._meta.concrete_fields]
    saved = Connection.objects.get()
    assert [getattr(read, name) for name in fields] == [getattr(saved, name) for name in fields]
    assert not read._state.adding
    assert grant is not None
    fields = [field.attname for field in Grant._meta.concrete_fields]
    assert [getattr(grant, name) for name in fields] == [getattr(saved.grant, name) for name in fields]
    with pytest.raises(Connection.DoesNotExist):
        quick_rows.read_with(Connection, asked | {"workspace": uuid.uuid4()}, Grant, "connection")


def test_what_nothing_refers_to_is_read_alone(connection: Connection) -> None:
    Grant.objects.all().delete()

    assert quick_rows.read_with(Connection, {"pk": connection.pk}, Grant, "connection") == (connection, None)
