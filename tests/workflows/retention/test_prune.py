"""What is older than its agency keeps it goes, in small batches, counted; nothing unfinished and no audit does."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import Account, AuditEvent, Connection, Workspace
from core.db import tenant_scope
from core.errors import Problem
from tests.factories import SYSTEM, Ask, add_note, connect, incident_event
from tests.support.action_calls import made
from workflows import worker
from workflows.models import (
    ActionCall,
    Event,
    Hook,
    HookDelivery,
    ReplayBatch,
    RetentionStatement,
    Run,
    StepRun,
    Trigger,
    Workflow,
)
from workflows.retention import candidates, prune
from workflows.runs import bulk_replay
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
KINDS = ("events", "runs", "steps", "calls", "deliveries", "replays")


def age(days: float, *rows: Any) -> None:
    """As if those rows had come and ended so many days ago."""
    when = timezone.now() - timedelta(days=days)
    for row in rows:
        names = {field.name for field in row._meta.fields}
        at = {name: when for name in ("received_at", "created_at", "finished_at") if name in names}
        if getattr(row, "finished_at", True) is None:
            del at["finished_at"]
        type(row).objects.filter(pk=row.pk).update(**at)


def keep(days: int) -> None:
    Account.objects.update(retention_days=days)


def next_day() -> None:
    """As if all that was said had been said yesterday."""
    for statement in RetentionStatement.objects.order_by("day"):
        RetentionStatement.objects.filter(pk=statement.pk).update(day=statement.day - timedelta(days=1))


def statement() -> dict[str, int]:
    return dict(RetentionStatement.objects.order_by("-day").values(*KINDS).first() or {})


def counts(**some: int) -> dict[str, int]:
    return dict.fromkeys(KINDS, 0) | some


def some_event(trigger: Trigger, status: str = "done", days: float = 91, **more: Any) -> Event:
    when = timezone.now() - timedelta(days=days)
    fields = {"external_id": str(uuid.uuid4()), "event_type": "incident.triggered", "lane": "PINC1"}
    return Event.objects.create(
        workspace=trigger.workspace,
        trigger=trigger,
        body=b"{}",
        status=status,
        received_at=when,
        **(fields | more),
    )


@pytest.fixture
def run(deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock) -> Run:
    """A completed one with one step."""
    add_note(pagerduty)
    deliver(incident_event())
    worker.drain()
    return Run.objects.get(status="completed")


def everything(run: Run) -> list[Any]:
    return [run, run.event, *ActionCall.objects.all()]


def test_an_old_event_goes_with_its_run_steps_and_calls_and_the_audit_stays(run: Run) -> None:
    age(91, *everything(run))
    audit = AuditEvent.objects.count()
    assert audit

    assert prune.prune() == 4

    assert statement() == counts(events=1, runs=1, steps=1, calls=1)
    assert not any(model.objects.exists() for model in (Event, Run, StepRun, ActionCall))
    assert AuditEvent.objects.count() == audit


@pytest.mark.parametrize(("days", "goes"), [(89.99, False), (90.01, True)])
def test_the_boundary_is_the_agencys_number_of_days(trigger: Trigger, days: float, goes: bool) -> None:
    some_event(trigger, days=days)

    worker.housekeeping()

    assert Event.objects.exists() is not goes


def test_each_agency_has_its_own_days(trigger: Trigger) -> None:
    rival = Workspace.objects.create(account=Account.objects.create(name="Rival"), name="Other")
    theirs = lifecycle.create(
        actor=SYSTEM, connection=connect(rival), key="pagerduty/incident-triggered", name="N"
    )
    Account.objects.filter(name="Rival").update(retention_days=7)
    for one in (trigger, theirs):
        some_event(one, days=8)

    prune.prune()

    assert Event.objects.get().trigger == trigger
    said = dict(RetentionStatement.objects.values_list("workspace__name", "events"))
    assert said == {"Acme": 0, "Other": 1}


@pytest.mark.parametrize("days", [6, 0, 3651])
def test_the_database_keeps_the_days_within_bounds(workspace: Workspace, days: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        keep(days)


def test_what_is_not_finished_stays(run: Run, trigger: Trigger) -> None:
    age(400, *everything(run))
    some_event(trigger, status="queued")
    for status in ("pending", "running", "waiting", "paused"):
        Run.objects.update(status=status)
        prune.prune()
        assert Run.objects.count() == ActionCall.objects.count() == 1
        next_day()
    Run.objects.update(status="failed")
    for status in ("pending", "running", "waiting", "paused"):
        ActionCall.objects.update(status=status, next_attempt_at=timezone.now())
        prune.prune()
        assert Run.objects.count() == ActionCall.objects.count() == 1
        next_day()

    assert Event.objects.count() == 2
    ActionCall.objects.update(status="cancelled")
    prune.prune()
    assert list(Event.objects.values_list("status", flat=True)) == ["queued"]


def test_a_young_replay_keeps_the_old_event_it_runs_on(run: Run, ask: Ask) -> None:
    age(91, run, run.event)
    assert ask("post", f"runs/{run.id}/replay/").status_code == 201

    prune.prune()

    assert Run.objects.get().replay == 1
    assert Event.objects.count() == 1


def test_runs_that_a_replay_will_still_make_again_stay(run: Run) -> None:
    age(91, *everything(run))
    (batch,) = bulk_replay.start(actor=SYSTEM, runs=Run.objects.all(), selection={})
    age(91, batch)
    prune.prune()
    assert Run.objects.count() == 1
    worker.drain()
    next_day()

    prune.prune()

    assert Run.objects.get().batch == batch  # the new one, and so its batch
    ReplayBatch.objects.update(finished_at=timezone.now() - timedelta(days=91))
    again = Run.objects.get()
    age(91, again, *ActionCall.objects.all())
    next_day()
    prune.prune()
    assert not ReplayBatch.objects.exists()
    assert statement() == counts(events=1, runs=1, steps=1, calls=1, replays=1)


@pytest.mark.parametrize(
    ("status", "goes"), [("waiting", False), ("dead", False), ("delivered", True), ("cancelled", True)]
)
def test_what_a_hook_is_owed_or_may_be_sent_again_stays(run: Run, status: str, goes: bool) -> None:
    hook = Hook.objects.create(workspace=run.workspace, name="H", url="https://h.example/", runs=True)
    finished = None if status == "waiting" else timezone.now()
    about: list[dict[str, Any]] = [{"kind": "event", "event": run.event}, {"kind": "run", "run": run}]
    for one in about:
        told = HookDelivery.objects.create(
            workspace=run.workspace, hook=hook, lane="P", status=status, finished_at=finished, **one
        )
        age(20, told)
    keep(7)
    age(20, *everything(run))

    prune.prune()

    assert (Run.objects.count(), Event.objects.count()) == ((0, 0) if goes else (1, 1))
    assert HookDelivery.objects.count() == (0 if goes else 2)
    if goes:
        assert statement() == counts(events=1, runs=1, steps=1, calls=1, deliveries=2)


def test_calls_outside_runs_go_and_those_with_an_idempotency_key_stay_thirty_days(
    connection: Connection,
) -> None:
    keep(7)
    rows = {
        "old": made(connection),
        "young key": made(connection, idempotency_key="a"),
        "old key": made(connection, idempotency_key="b"),
        "waiting": made(connection, status="waiting", next_attempt_at=timezone.now()),
    }
    age(8, rows["old"])
    age(29, rows["young key"])
    age(31, rows["old key"])
    age(400, rows["waiting"])

    prune.prune()

    assert set(ActionCall.objects.all()) == {rows["young key"], rows["waiting"]}


def test_it_happens_once_a_day(trigger: Trigger) -> None:
    prune.prune()
    some_event(trigger)

    prune.prune()

    assert Event.objects.exists()
    assert RetentionStatement.objects.count() == 1
    next_day()
    prune.prune()
    assert not Event.objects.exists()
    assert list(RetentionStatement.objects.order_by("day").values_list("events", flat=True)) == [0, 1]


def test_a_pass_that_is_killed_in_the_middle_is_gone_on_with_and_the_statement_is_right(
    trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends after rows were deleted and before that was written down: neither has happened."""
    monkeypatch.setattr(prune, "BATCH", 2)
    for _ in range(5):
        some_event(trigger)
    assert prune.prune(batches=1) == 2

    def killed(*args: Any) -> Any:
        candidates.delete(*args)
        raise SystemExit

    broken = tuple(candidates.Kind(kind.rows, kind.order, killed) for kind in candidates.KINDS)
    with monkeypatch.context() as patch:
        patch.setattr(prune, "KINDS", broken)
        with pytest.raises(SystemExit):
            prune.prune()
    assert Event.objects.count() == 3
    assert statement() == counts(events=2)
    assert RetentionStatement.objects.get().finished_at is None

    next_day()  # also when the day is over meanwhile
    prune.prune()

    assert not Event.objects.exists()
    assert statement() == counts(events=5)
    assert RetentionStatement.objects.exclude(finished_at__isnull=True).count() == 1
    prune.prune()
    assert RetentionStatement.objects.count() == 2


def test_an_agency_that_keeps_things_longer_meanwhile_keeps_them_at_once(
    trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "BATCH", 1)
    for _ in range(3):
        some_event(trigger)
    prune.prune(batches=1)

    keep(200)
    prune.prune()

    assert Event.objects.count() == 2


def test_trouble_with_one_workspace_leaves_the_others_their_turn(
    trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Workspace.objects.create(account=trigger.workspace.account, name="Other")
    some_event(trigger)
    events = candidates.KINDS[3]

    def broken(workspace: Workspace, cutoff: Any) -> Any:
        if workspace == other:
            raise RuntimeError
        return events.rows(workspace, cutoff)

    with monkeypatch.context() as patch:
        patch.setattr(prune, "KINDS", (candidates.Kind(broken, "seq"),))
        prune.prune()

    assert not Event.objects.exists()
    assert RetentionStatement.objects.get(finished_at__isnull=True).workspace == other


@pytest.mark.slow
def test_ten_thousand_events_go_in_bounded_batches(trigger: Trigger) -> None:
    when = timezone.now() - timedelta(days=100)
    Event.objects.bulk_create(
        Event(
            workspace=trigger.workspace,
            trigger=trigger,
            external_id=str(number),
            event_type="incident.triggered",
            lane="P",
            body=b"{}",
            status="ignored",
            received_at=when,
        )
        for number in range(10_000)
    )
    with CaptureQueriesContext(database) as seen:
        assert prune.prune(batches=3, budget=60) == 3 * prune.BATCH
    assert len(seen) < 60
    assert not [query for query in seen if "DELETE" in query["sql"] and len(query["sql"]) > 20_000]

    assert RetentionStatement.objects.get().finished_at is None
    prune.prune(budget=60)  # the next 47, and the last look

    assert RetentionStatement.objects.get().finished_at is not None
    assert statement() == counts(events=10_000)
    assert not Event.objects.exists()


def test_no_body_is_read_to_delete_it(trigger: Trigger, connection: Connection) -> None:
    some_event(trigger)
    age(91, made(connection))

    with CaptureQueriesContext(database) as seen:
        prune.prune()

    assert not Event.objects.exists()
    assert not ActionCall.objects.exists()
    reading = [query["sql"] for query in seen if query["sql"].startswith("SELECT")]
    assert not [sql for sql in reading if '"body"' in sql or '"output"' in sql]


@pytest.mark.django_db(transaction=True)
def test_workers_that_meet_count_each_row_once(trigger: Trigger) -> None:
    for _ in range(60):
        some_event(trigger)

    @tenant_scope.unscoped()
    def at_work() -> None:
        try:
            prune.prune()
        finally:
            database.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prune, "BATCH", 7)
        workers = [threading.Thread(target=at_work) for _ in range(4)]
        for one in workers:
            one.start()
        for one in workers:
            one.join()
        prune.prune()

    assert not Event.objects.exists()
    assert statement() == counts(events=60)
    assert RetentionStatement.objects.count() == 1


def test_a_run_chosen_at_the_moment_it_was_to_go_stays(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is chosen after it was found to be old, and before it is deleted."""
    age(91, *everything(run))
    take_turns = Workspace.take_turns

    def chosen_first(self: Workspace) -> None:
        monkeypatch.setattr(Workspace, "take_turns", take_turns)
        bulk_replay.start(actor=SYSTEM, runs=Run.objects.all(), selection={})
        take_turns(self)

    monkeypatch.setattr(Workspace, "take_turns", chosen_first)
    prune.prune()

    assert Run.objects.filter(pk=run.pk).exists()


def test_a_run_that_goes_at_the_moment_it_is_chosen_is_not_waited_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(91, *everything(run))
    take_turns = Workspace.take_turns

    def gone_first(self: Workspace) -> None:
        monkeypatch.setattr(Workspace, "take_turns", take_turns)
        prune.prune()
        take_turns(self)

    monkeypatch.setattr(Workspace, "take_turns", gone_first)
    with pytest.raises(Problem) as refused:
        bulk_replay.start(actor=SYSTEM, runs=Run.objects.all(), selection={})

    assert refused.value.code == "nothing_selected"
    assert not ReplayBatch.objects.exists()
