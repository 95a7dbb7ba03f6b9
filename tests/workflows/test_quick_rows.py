"""Statements that are put together once: the same rows as by Django's own."""

import uuid
from typing import Any

import pytest
import responses
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.utils import timezone

from connections import quick_rows
from connections.models import Connection
from tests.workflows.conftest import incident_event
from workflows import fanout
from workflows.models import ActionCall, Run, StepRun, Workflow

pytestmark = pytest.mark.django_db


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
    seen = {"pk": run.pk, "lease_until": None, "status": "pending"}

    assert quick_rows.update(Run, seen | {"status": "paused"}, {"claims": 1}) == 0
    assert quick_rows.update(Run, seen, {"lease_until": now, "error": {"code": "x"}}) == 1
    assert quick_rows.update(Run, seen, {"claims": 1}) == 0, "a null is no wild card"

    run.refresh_from_db()
    assert (run.claims, run.lease_until, run.error) == (0, now, {"code": "x"})
    assert Run.objects.filter(error__code="x").exists()


def test_a_row_is_referred_to_by_the_object_itself(
    deliver: Any, note_workflow: Workflow, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    deliver(incident_event())
    fanout.fan_out_due()

    quick_rows.update(Run, {"pk": Run.objects.get().pk}, {"blocked_on": connection, "error": None})

    assert Run.objects.get().blocked_on == connection


def test_what_is_found_has_the_types_of_its_fields(connection: Connection) -> None:
    call = call_of(connection, input={}, fingerprint="f", first_sent_at=timezone.now())
    call.save()
    call_of(connection, input={}, fingerprint="f", settles_at=timezone.now()).save()
    names = ["pk", "connection", "first_sent_at", "unsure", "output"]

    found = quick_rows.find(
        ActionCall, {"connection": connection.pk, "settles_at": None, "unsure": False}, names
    )

    assert found == [(call.pk, connection.pk, call.first_sent_at, False, None)]


def test_what_is_no_column_is_refused() -> None:
    with pytest.raises(TypeError, match="step_run"):
        quick_rows.update(ActionCall, {"pk": StepRun().pk}, {"step_run": None})


class Lost(Exception):
    pass


@transaction.atomic
def changed_then_inserted(key: uuid.UUID, call: ActionCall) -> None:
    with quick_rows.together():
        quick_rows.change(ActionCall, {"pk": key}, {"attempts": 2}, Lost())
        quick_rows.insert(call)


def test_together_a_row_that_is_not_there_is_found_out_at_the_end(connection: Connection) -> None:
    call = call_of(connection, fingerprint="f", input={})

    with pytest.raises(Lost):
        changed_then_inserted(uuid.uuid4(), call)

    assert not ActionCall.objects.exists()


def test_together_all_is_done_and_read(connection: Connection) -> None:
    call = call_of(connection, fingerprint="f", input={})

    with transaction.atomic(), quick_rows.together():
        quick_rows.insert(call)
        quick_rows.change(ActionCall, {"pk": call.pk}, {"attempts": 2}, Lost())
        assert quick_rows.find(ActionCall, {"pk": call.pk}, ["attempts"]) == [(2,)]
        quick_rows.change(ActionCall, {"pk": uuid.uuid4()}, {"attempts": 3}, None)
        assert ActionCall.objects.filter(pk=call.pk).update(attempts=4) == 1, "Django's own, too"

    assert ActionCall.objects.get().attempts == 4


def test_together_what_a_lost_row_led_to_is_not_the_error(connection: Connection) -> None:
    call = call_of(connection, fingerprint="f", input={})
    call.save()

    with pytest.raises(Lost):
        changed_then_inserted(uuid.uuid4(), call)
    with pytest.raises(IntegrityError):
        changed_then_inserted(call.pk, call)

    assert ActionCall.objects.get().attempts == 0


def test_together_django_s_own_errors_are_django_s(connection: Connection) -> None:
    call = call_of(connection, fingerprint="f", input={})
    call.save()

    with transaction.atomic(), quick_rows.together():
        with pytest.raises(IntegrityError), transaction.atomic():
            call.save(force_insert=True)
        quick_rows.change(ActionCall, {"pk": call.pk}, {"attempts": 5}, Lost())

    assert ActionCall.objects.get().attempts == 5


def test_together_nobody_asks_how_many(connection: Connection) -> None:
    if database.vendor == "postgresql":
        with pytest.raises(RuntimeError), transaction.atomic(), quick_rows.together():
            quick_rows.update(ActionCall, {"pk": uuid.uuid4()}, {"attempts": 2})


def test_what_is_read_is_the_row(connection: Connection) -> None:
    call = call_of(connection, input={"a": [1]}, fingerprint="f", settles_at=timezone.now())
    call.save()

    read = quick_rows.read(ActionCall, {"pk": call.pk, "connection": connection.pk})

    assert (read, read.input, read.settles_at) == (call, {"a": [1]}, call.settles_at)
    assert not read._state.adding
    with pytest.raises(ActionCall.DoesNotExist):
        quick_rows.read(ActionCall, {"pk": call.pk, "connection": uuid.uuid4()})
