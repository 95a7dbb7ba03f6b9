"""The engine: walks the steps of runs that are due, one run per workflow and lane at a time, in order."""

import time
import uuid
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from connections.problems import Problem
from connections.storable import storable
from workflows import attempts, claims, conditions, doorbell, expressions, outcomes, parked, step_inputs
from workflows.fanout import fields_of
from workflows.hooks import outbox
from workflows.models import ActionCall, Run, StepRun

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=30)
_LEFT_FOR_A_REQUEST = timedelta(seconds=25)
MAX_CLAIMS = 8


class RunLost(Exception):
    """Another worker has taken this run over."""


def advance_due(until: float, limit: int = 10) -> int:
    """Walk runs that are due as far as they go. Answers how many were taken up.

    until: `time.monotonic()` after which nothing new is begun.
    """
    taken = 0
    for run in Run.objects.due(timezone.now())[:limit]:
        if time.monotonic() > until:
            break
        holder = _claim(run)
        if holder is None:
            continue
        taken += 1
        try:
            Walk(run, holder).go(until)
        except (RunLost, claims.LeaseLost):
            log.warning("run_taken_over", run=str(run.id))
        except Exception:
            # Our own fault: the lease stays, so the next try comes when it has run out; MAX_CLAIMS ends it.
            log.exception("run_broke", run=str(run.id))
    return taken


def _claim(run: Run) -> uuid.UUID | None:
    holder, now = uuid.uuid4(), timezone.now()
    changed = Run.objects.filter(
        pk=run.pk, status=run.status, claims=run.claims, lease_until=run.lease_until
    ).update(
        status=Run.Status.RUNNING,
        claims=run.claims + 1,
        lease_holder=holder,
        lease_until=now + LEASE,
        started_at=run.started_at or now,
    )
    run.claims += 1
    return holder if changed else None


class Walk:
    """One worker's walk along one run, from the step it is at to its end or to a wait."""

    def __init__(self, run: Run, holder: uuid.UUID) -> None:
        self.run = run
        self.holder = holder
        self.steps = run.plan
        self.fields = fields_of(run.event)

    def go(self, until: float) -> None:
        """Raises RunLost or LeaseLost when another worker has taken over."""
        if self.run.claims > MAX_CLAIMS:
            error = Problem("worker_lost", "The worker stopped each time it tried this step.", status=500)
            self._end(Run.Status.FAILED, error=error.as_error())
            parked.close_steps([self.run], error.as_error())
            return
        done = self.run.steps.filter(position__lt=self.run.position).select_related("call")
        self.fields["steps"] = {step.key: step.call.output for step in done if step.call and step.call.output}
        while self.run.position < len(self.steps):
            if not self._take_step(self.steps[self.run.position]):
                return
            if time.monotonic() > until and self.run.position < len(self.steps):
                self._give_back(status=Run.Status.PENDING, due_at=timezone.now(), claims=0)
                return
        self._end(Run.Status.COMPLETED)

    def _take_step(self, definition: dict[str, Any]) -> bool:
        """Whether the walk can go on to the next step now."""
        step = self.run.steps.filter(position=self.run.position).select_related("call").first()
        if step is None and not conditions.hold(definition.get("only_if") or {}, self.fields):
            self._skip(definition)
            return True
        if step is None:
            step = self._begin(definition)
        elif step.call is not None and not step.call.finished:
            holder = claims.claim(step.call)
            if holder is None:  # A worker that lost this run may still be at it: look again when it ends.
                step.call.refresh_from_db()
                self._wait(step.call)
                return False
            attempts.Attempt(step.call, holder, self._keep_lease).run()
        return self._after(definition, step)

    def _new(self, definition: dict[str, Any]) -> StepRun:
        return StepRun(
            run=self.run,
            position=self.run.position,
            key=definition["key"],
            action=definition["action"],
        )

    def _skip(self, definition: dict[str, Any]) -> None:
        """Its only_if does not hold; what it would have put out is not there for later steps."""
        step = self._new(definition)
        step.status, step.finished_at = StepRun.Status.SKIPPED, timezone.now()
        with transaction.atomic():
            self._write(position=self.run.position + 1, claims=1, lease_until=timezone.now() + LEASE)
            step.save(force_insert=True)

    def _begin(self, definition: dict[str, Any]) -> StepRun:
        """Write down what is about to happen, then make the first attempt."""
        step = self._new(definition)
        try:
            call = step_inputs.call_for(self.run.workspace_id, definition, self.fields)
        except expressions.ExpressionError as error:
            problem = Problem("expression_failed", str(error), status=400)
            step.error = storable(problem.as_error())
        except Problem as problem:
            step.error = storable(problem.as_error())
        else:
            holder = claims.claimed_from_birth(call)
            with transaction.atomic():
                self._write(lease_until=timezone.now() + LEASE)
                call.save(force_insert=True)
                step.call = call
                step.save(force_insert=True)
            attempts.Attempt(call, holder, self._keep_lease).run()
            return step
        step.save(force_insert=True)
        return step

    def _after(self, definition: dict[str, Any], step: StepRun) -> bool:
        call = step.call
        if call is not None and call.status == ActionCall.Status.COMPLETED:
            self._step_done(step, StepRun.Status.COMPLETED)
            self.fields["steps"][step.key] = call.output
            return True
        if call is not None and call.status == ActionCall.Status.WAITING:
            self._wait(call)
            return False
        if call is not None and call.status == ActionCall.Status.PAUSED:
            self._give_back(status=Run.Status.PAUSED, blocked_on=call.connection, error=call.error)
            return False
        if call is not None and definition["on_error"] == "retry" and self._has_further_round(call):
            return False
        error = call.error if call is not None else step.error
        self._step_done(step, StepRun.Status.FAILED, error=error)
        if definition["on_error"] == "continue":
            return True
        self._end(Run.Status.FAILED, error=error)
        return False

    def _has_further_round(self, call: ActionCall) -> bool:
        """Whether the failed call is tried again later; then the run waits for that."""
        again = outcomes.of_further_round(call) if call.status == ActionCall.Status.FAILED else None
        if again is None:
            return False
        with transaction.atomic():
            self._give_back(status=Run.Status.WAITING, due_at=again["next_attempt_at"], claims=0)
            ActionCall.objects.filter(pk=call.pk, status=ActionCall.Status.FAILED).update(**again)
        return True

    def _step_done(self, step: StepRun, status: str, error: Any = None) -> None:
        with transaction.atomic():
            self._write(position=self.run.position + 1, claims=1, lease_until=timezone.now() + LEASE)
            step.status, step.error, step.finished_at = status, error, timezone.now()
            step.save(update_fields=["status", "error", "finished_at"])

    def _wait(self, call: ActionCall) -> None:
        held = call.status == ActionCall.Status.RUNNING
        due_at = (call.lease_until if held else call.next_attempt_at) or timezone.now()
        self._give_back(status=Run.Status.WAITING, due_at=due_at, claims=0)

    def _end(self, status: str, error: Any = None) -> None:
        """The end and what is owed to hooks for it, in one transaction."""
        with transaction.atomic():
            self._give_back(status=status, error=error, finished_at=timezone.now())
            outbox.owe_runs([self.run.pk])

    def _give_back(self, **fields: Any) -> None:
        self._write(lease_holder=None, lease_until=None, **fields)

    def _keep_lease(self) -> None:
        doorbell.still_alive()
        now = timezone.now()
        if self.run.lease_until is None or self.run.lease_until - now < _LEFT_FOR_A_REQUEST:
            self._write(lease_until=now + LEASE)

    def _write(self, **fields: Any) -> None:
        ours = Run.objects.filter(pk=self.run.pk, lease_holder=self.holder, status=Run.Status.RUNNING)
        if not ours.update(**fields):
            raise RunLost(str(self.run.id))
        for name, value in fields.items():
            setattr(self.run, name, value)
