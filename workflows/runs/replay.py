"""Run one ended run again, from its failed step or from the start (several: workflows.runs.bulk_replay).

From the failed step, the new run follows the version that the old one followed, keeps the output of each step that had
completed, and makes the others in the name of the calls that failed, so that a write whose answer was lost is looked
up before it is sent once more. From the start, everything is done anew with the version that is live now.
"""

from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from connections import audit
from connections.models import Connection
from connections.tenancy.actor import Actor
from core.errors import Problem
from workflows.calls import pipeline
from workflows.catalog import Json
from workflows.models import ActionCall, ReplayBatch, Run, StepRun, Workflow
from workflows.models.runs import ENDED_BADLY, UNFINISHED
from workflows.queue import wakeup

From = Run.ReplayFrom
_NOT_OVER = "This run has not ended: resume or cancel it first."
_NONE_FAILED = "No step of this run failed. Run it again from the start."


def with_failed_step(runs: QuerySet[Run]) -> QuerySet[Run]:
    """The runs that ended with a step that failed or never began."""
    return runs.filter(_something_left(), version__isnull=False).exclude(status__in=UNFINISHED)


def _something_left() -> Q:
    steps = StepRun.objects.filter(run=OuterRef("pk"))
    begun = Exists(steps) | Q(replay_from=From.FAILED_STEP)
    return Exists(steps.filter(status=StepRun.Status.FAILED)) | (Q(status__in=ENDED_BADLY) & begun)


def not_overtaken(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Finished runs without those with a failed step whose work a later run of the event has begun anew, does, or did.

    To retry those too would do once more what the later one did.
    """
    later = Run.objects.real().filter(workflow=OuterRef("workflow"), event=OuterRef("event"))
    later = later.filter(seq__gt=OuterRef("seq"))
    anew = Q(replay_from=From.START) | Q(status__in=[Run.Status.COMPLETED, *UNFINISHED])
    return runs.exclude(_something_left() & Exists(later.filter(anew)))


def has_failed_step(run: Run) -> bool:
    return with_failed_step(Run.objects.filter(pk=run.pk)).exists()


def replay(*, actor: Actor, run: Run, begin_at: str = "", once: str = "") -> tuple[Run, bool]:
    """The run that goes on from the failed step, or begins at the start, and whether it was made now.

    begin_at: From, "" for the failed step where there is one. once: the form or request, which serves once. What was
    asked for before and is still under way, or has completed from the failed step, is not made twice.
    Raises Problem: is_test, no_failed_step (of a run that has not ended, too), archived, not_published,
    connection_revoked, insufficient_scope.
    """
    actor.require_actions(run.workflow.workspace.account_id)
    if run.is_test:
        raise Problem("is_test", "This was a test run. Test the draft again instead.", status=409)
    with transaction.atomic():
        # A lock per workspace: other replays and the retention pass wait until this is committed.
        run.workflow.workspace.take_turns()
        if once and (before := Run.objects.filter(workflow=run.workflow_id, once=once).first()):
            return before, False
        begin_at = begin_at or usual(run)
        run, made = as_far(run, begin_at)
        if made:
            return run, False
        again = prepare(run, begin_at)
        again.once = once
        write(again)
        _record(actor, run, again)
        wakeup.wake_workers()
    return again, True


def usual(run: Run) -> str:
    """The default start of a replay."""
    retried = _retries(run).exists()
    return From.FAILED_STEP if retried or has_failed_step(run) else From.START


def as_far(run: Run, begin_at: str) -> tuple[Run, bool]:
    """The run to go on from, and whether that is what was asked for: made before, and under way or over."""
    if begin_at == From.START:
        under_way = _under_way(run)
        return under_way or run, under_way is not None
    newest = _newest_retry(run)
    return newest or run, newest is not None and not has_failed_step(newest)


def _newest_retry(run: Run) -> Run | None:
    """The last of the runs that went on from the failed step of this one, and of each other."""
    newest, related = None, ("version", "workflow__workspace", "workflow__live")
    while found := _retries(newest or run).select_related(*related).first():
        newest = found
    return newest


def _retries(run: Run) -> QuerySet[Run]:
    return run.replays.filter(replay_from=From.FAILED_STEP).order_by("-seq")


def _under_way(run: Run) -> Run | None:
    same = run.replays.filter(replay_from=From.START, status__in=UNFINISHED)
    return same.select_related("version", "event", "origin").first()


def prepare(run: Run, begin_at: str, batch: ReplayBatch | None = None) -> Run:
    """The unsaved run that `begin_at` says, for `write`. Raises Problem where it could not do its work."""
    workflow = run.workflow
    if workflow.status == Workflow.Status.ARCHIVED:
        raise Problem("archived", "This workflow is archived: resume it first.", status=409)
    again = Run(
        workspace_id=run.workspace_id,
        workflow=workflow,
        event_id=run.event_id,
        lane=run.lane,
        batch=batch,
        replay=(_same(run).aggregate(latest=Max("replay"))["latest"] or 0) + 1,
        replay_of=run,
        replay_from=begin_at,
    )
    if begin_at == From.START:
        if workflow.live is None:
            raise Problem("not_published", "Publish this workflow first.", status=409)
        again.version = workflow.live
    elif has_failed_step(run):
        again.version = run.version
    else:
        said = _NOT_OVER if run.status in UNFINISHED else _NONE_FAILED
        raise Problem("no_failed_step", said, status=409, fields={"from": [said]})
    kept = {step.position for step in completed_steps(run)} if again.is_retry else set()
    ahead = [step for position, step in enumerate(again.plan) if position not in kept]
    _check_connections(again, ahead)
    again.position = next(
        (position for position in range(len(again.plan)) if position not in kept), len(again.plan)
    )
    return again


def _same(run: Run) -> QuerySet[Run]:
    return Run.objects.filter(workflow=run.workflow_id, event=run.event_id)


def completed_steps(run: Run) -> QuerySet[StepRun]:
    """The steps that have an output, made or kept; also one whose run ended between the call's end and its own."""
    done = Q(status=StepRun.Status.COMPLETED) | Q(call__status=ActionCall.Status.COMPLETED)
    return run.steps.filter(done).order_by("position")


def _check_connections(again: Run, ahead: list[dict[str, Any]]) -> None:
    keys = {step["connection"] for step in ahead}
    revoked = Connection.objects.filter(
        pk__in=keys, workspace=again.workspace_id, status=Connection.Status.REVOKED
    ).first()
    if revoked is None:
        return
    step = next(step for step in ahead if step["connection"] == str(revoked.pk))
    raise Problem(
        "connection_revoked",
        f"The connection “{revoked.label}” was revoked, and the step “{step.get('name') or step['key']}” needs it. "
        "Choose another connection for that step, publish the workflow, and run it again from the start.",
        status=409,
        detail={"connection": str(revoked.pk), "step": step["key"]},
    )


def write(again: Run) -> None:
    """Save a run from `prepare`, and the steps that it keeps. Call it in a transaction."""
    again.save(force_insert=True)
    if again.is_retry and again.replay_of is not None:
        StepRun.objects.bulk_create([_kept(step, again) for step in completed_steps(again.replay_of)])


def _kept(step: StepRun, again: Run) -> StepRun:
    return StepRun(
        run=again,
        position=step.position,
        key=step.key,
        action=step.action,
        status=StepRun.Status.COMPLETED,
        kept_id=step.kept_id or step.call_id,
        started_at=step.started_at,
        finished_at=step.finished_at,
    )


def carry_on(run: Run, call: ActionCall) -> Json | None:
    """Give the unsaved call of a retry's step the identity of the call that failed before it.

    Return the earlier call's input, as the action takes it, if that call may have had its effect, else None: the lookup
    has to use the input that was sent. Raise Problem (invalid_input, unknown_action).
    """
    earlier = _earlier_call(run, call.action)
    if earlier is None:
        return None
    call.identity = earlier.identity or earlier.pk
    if not earlier.unsure:
        return None
    call.unsure, call.first_sent_at, call.settles_at = True, earlier.first_sent_at, earlier.settles_at
    call.baseline = earlier.baseline
    call.input, call.fingerprint = earlier.input, earlier.fingerprint
    return pipeline.validate(pipeline.find(call.connection, call.action), earlier.input)


def _earlier_call(run: Run, action: str) -> ActionCall | None:
    """The call of the current step in the retried run; if that never got so far, in the one before."""
    key = run.replay_of_id
    while key is not None:
        step = StepRun.objects.filter(run=key, position=run.position, call__action=action)
        if found := step.select_related("call").first():
            return found.call
        before = Run.objects.filter(pk=key, replay_from=From.FAILED_STEP)
        key = before.values_list("replay_of", flat=True).first()
    return None


def _record(actor: Actor, run: Run, again: Run) -> None:
    workflow = run.workflow
    audit.record(
        actor,
        "run.retried" if again.is_retry else "run.replayed",
        workspace=workflow.workspace,
        target=str(workflow.pk),
        detail={"workflow": workflow.name, "run": str(run.id), "as_run": str(again.id)},
    )
