"""The rule for endpoints chooses the same ones as a Q and as SQL, and every path that owes deliveries follows it."""

import itertools
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Workspace
from core.db.hot import rows
from core.db.hot.batch import Batch
from pagerduty_app import signatures
from tests.factories import SECRET, SYSTEM, arrive, connect, incident_event, publish
from workflows.engine import fanout
from workflows.inbox.fast import receive
from workflows.models import Event, Hook, HookDelivery, Run, Trigger
from workflows.outgoing import matching, outbox
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
Kind = HookDelivery.Kind


@pytest.fixture
def trigger(trigger: Trigger) -> Trigger:
    Trigger.objects.filter(pk=trigger.pk).update(confirmed_at=timezone.now())
    trigger.refresh_from_db()
    return trigger


@pytest.fixture
def other(trigger: Trigger, workspace: Workspace) -> Trigger:
    return _trigger(workspace, "Other")


@pytest.fixture
def hooks(trigger: Trigger, other: Trigger, workspace: Workspace) -> list[Hook]:
    """One endpoint of each combination, in two workspaces."""
    elsewhere = Workspace.objects.create(account=workspace.account, name="Elsewhere")
    foreign = _trigger(elsewhere, "Foreign")
    narrowed = [(workspace, one) for one in (None, trigger, other)] + [
        (elsewhere, one) for one in (None, foreign)
    ]
    kinds = [(True, False), (False, True), (True, True)]
    combinations = itertools.product(narrowed, kinds, ["active", "paused"], [None, timezone.now()])
    return Hook.objects.bulk_create(
        Hook(
            workspace=place,
            trigger=one,
            events=events,
            runs=runs,
            status=status,
            deleted_at=deleted,
            name="Theirs",
            url="https://hooks.example/",
        )
        for (place, one), (events, runs), status, deleted in combinations
    )


def _trigger(workspace: Workspace, name: str) -> Trigger:
    return lifecycle.create(
        actor=SYSTEM,
        connection=connect(workspace, name),
        key="pagerduty/incident-triggered",
        name=name,
    )


def expected(hooks: list[Hook], kind: Kind, trigger: Trigger) -> set[uuid.UUID]:
    """The rule, told once more in the plainest Python."""
    return {
        hook.pk
        for hook in hooks
        if hook.deleted_at is None
        and (hook.events if kind == Kind.EVENT else hook.runs)
        and hook.workspace_id == trigger.workspace_id
        and (hook.trigger_id is None or hook.trigger_id == trigger.pk)
    }


@pytest.mark.parametrize("kind", [Kind.EVENT, Kind.RUN])
def test_q_and_sql_choose_the_same_endpoints(hooks: list[Hook], kind: Kind) -> None:
    for trigger in Trigger.objects.all():
        wanted = expected(hooks, kind, trigger)
        by_q = Hook.objects.filter(
            matching.as_q(kind, workspace=trigger.workspace_id, trigger=trigger.pk)
        ).values_list("pk", flat=True)
        condition = matching.as_sql(kind, workspace="%s", trigger="%s")
        table = Hook._meta.db_table
        by_sql = Hook.objects.raw(
            f"SELECT h.id FROM {table} h WHERE {condition}",
            rows.stored(Hook, {"workspace": trigger.workspace_id, "trigger": trigger.pk}),
        )
        assert len(wanted) >= 4
        assert set(by_q) == wanted
        assert {hook.pk for hook in by_sql} == wanted


def _by_the_ordinary_path(trigger: Trigger) -> None:
    arrive(trigger)


def _by_the_fast_path(trigger: Trigger) -> None:
    body = json.dumps(incident_event()).encode()
    signature = signatures.sign(body, SECRET)
    assert receive.take("pagerduty", str(trigger.token), body=body, signature=signature) == "accepted"


@pytest.mark.parametrize("store", [_by_the_ordinary_path, _by_the_fast_path])
def test_an_event_is_owed_to_the_endpoints_of_the_rule(
    hooks: list[Hook], trigger: Trigger, store: Callable[[Trigger], None]
) -> None:
    store(trigger)
    event = Event.objects.get()
    owed = HookDelivery.objects.all()
    assert sorted(row.hook_id for row in owed) == sorted(expected(hooks, Kind.EVENT, trigger))
    assert {_told(row) for row in owed} == {("event", event.pk, None, event.lane, trigger.workspace_id)}
    for row in owed:
        row.validate_constraints()


def _one_by_one(runs: list[Run]) -> None:
    for run in runs:
        with Batch() as batch:
            outbox.owe_run(batch, run)


def _all_at_once(runs: list[Run]) -> None:
    Run.objects.update(status="completed", finished_at=timezone.now())
    outbox.owe_runs(run.pk for run in runs)


@pytest.mark.parametrize("owe", [_one_by_one, _all_at_once])
def test_finished_runs_are_owed_to_the_endpoints_of_the_rule(
    hooks: list[Hook], trigger: Trigger, other: Trigger, owe: Callable[[list[Run]], None]
) -> None:
    """Runs of two triggers in one call; owing them again adds nothing."""
    for one in (trigger, other):
        publish(one, one.connection)
        arrive(one, event_id=str(one.pk))
    fanout.fan_out_due()
    HookDelivery.objects.all().delete()
    runs = list(Run.objects.select_related("event__trigger"))
    for _ in range(2):
        owe(runs)

    for run in runs:
        owed = HookDelivery.objects.filter(run=run)
        assert sorted(row.hook_id for row in owed) == sorted(expected(hooks, Kind.RUN, run.event.trigger))
        assert {_told(row) for row in owed} == {("run", None, run.pk, run.lane, run.workspace_id)}
    assert len(runs) == 2


def _told(row: HookDelivery) -> tuple[Any, ...]:
    return row.kind, row.event_id, row.run_id, row.lane, row.workspace_id
