"""Walks: one worker's way along the steps of one run, from the step it is at to its end or to a wait."""

import time
from typing import Any

from core.db import clock
from core.db.hot.batch import Batch
from core.db.hot.leases import PreparedLease
from core.db.leases import RELEASED
from core.errors import Problem
from core.text.json_sanitize import storable
from workflows.calls import attempt, outcomes
from workflows.calls.context import Owner
from workflows.calls.leases import CallLease
from workflows.catalog import Json
from workflows.conditions import evaluate
from workflows.inbox.events import fields_of
from workflows.models import ActionCall, Run, StepRun
from workflows.notifications import facts
from workflows.outgoing import outbox
from workflows.queue import in_flight
from workflows.runs import parking, replay, step_inputs

MAX_CLAIMS = 8


class Walk:
    """One worker's walk along one run, from the step it is at to its end or to a wait."""

    def __init__(self, lease: PreparedLease[Run], *, begun: bool) -> None:
        self.run = lease.row
        self.lease = lease
        self.steps: list[dict[str, Any]] = []
        self.fields: dict[str, Any] = {}
        # Whether the step it is at can have been begun before; that of a run never taken up, or behind a step that
        # this walk has made, cannot. A retry finds steps there that it keeps.
        self.begun = begun or self.run.is_retry

    def go(self, until: float) -> None:
        """Take step after step, until the run ends or has to wait.

        until: `time.monotonic()` after which no further step is begun; the run is then due at once, as it is when the
        connection of the next step has no room. Raises LeaseLost when another worker has taken over the run or a call
        of it.
        """
        if self.run.claims > MAX_CLAIMS:
            error = Problem("worker_lost", "The worker stopped at each attempt of this step.", status=500)
            self._end(Run.Status.FAILED, error=error.as_error())
            parking.close_steps([self.run], error.as_error())
            return
        # Not read before that end: what stops the worker here is counted, and given up, like anything else.
        self.steps = self.run.plan
        self.fields = fields_of(self.run.event)
        self.fields["steps"] = self._outputs() if self.run.position else {}
        while self.run.position < len(self.steps):
            if not self._take_step(self.steps[self.run.position]):
                return
            self.begun = self.run.is_retry
            if self.run.position < len(self.steps) and not self._goes_on(until):
                self.lease.release(status=Run.Status.PENDING, due_at=clock.now(), claims=0)
                return
        if self.run.status != Run.Status.COMPLETED:  # else the last step has ended it
            self._end(Run.Status.COMPLETED)

    def _goes_on(self, until: float) -> bool:
        return time.monotonic() <= until and in_flight.moves_to(
            self.steps[self.run.position].get("connection")
        )

    def _outputs(self) -> dict[str, Any]:
        """The outputs of the steps so far, by their keys."""
        done = self.run.steps.filter(position__lt=self.run.position).select_related("call", "kept")
        return {step.key: step.made.output for step in done if step.made and step.made.output}

    def _take_step(self, definition: dict[str, Any]) -> bool:
        """Take the current step; return whether the next one can begin now."""
        step = self._step_begun() if self.begun else None
        if step is not None and step.kept is not None:
            with Batch() as batch:
                self._to_next_step(batch)
            self.fields["steps"][step.key] = step.kept.output
            return True
        if step is None and not evaluate.hold(definition.get("only_if") or {}, self.fields):
            self._skip(definition)
            return True
        if step is None:
            step = self._begin(definition)
        elif step.call is not None and not step.call.finished:
            lease = CallLease.claim(step.call)
            if lease is None:  # A worker that lost this run may still be at it: look again when it ends.
                step.call.refresh_from_db()
                self._wait(step.call)
                return False
            self._attempt(lease, step)
        return self._after(definition, step)

    def _step_begun(self) -> StepRun | None:
        return self.run.steps.filter(position=self.run.position).select_related("call", "kept").first()

    def _attempt(self, lease: CallLease, step: StepRun, data: Json | None = None) -> None:
        """data: see Attempt. Raises LeaseLost, also when the call has ended and the run went on without it."""
        attempt.Attempt(lease, _StepOwner(self, step), data).run()

    def _new(self, definition: dict[str, Any]) -> StepRun:
        return StepRun(
            run=self.run,
            position=self.run.position,
            key=definition["key"],
            action=definition["action"],
        )

    def _skip(self, definition: dict[str, Any]) -> None:
        """Skip the step, whose only_if does not hold; later steps have no output of it."""
        step = self._new(definition)
        step.status, step.finished_at = StepRun.Status.SKIPPED, clock.now()
        with Batch() as batch:
            self._to_next_step(batch)
            batch.insert(step)

    def _begin(self, definition: dict[str, Any]) -> StepRun:
        """Make the first attempt, which writes down what is about to happen before it does."""
        step = self._new(definition)
        try:
            call, data = step_inputs.call_for(self.run.workspace_id, definition, self.fields)
            if self.run.is_retry:
                data = replay.carry_on(self.run, call) or data
        except Problem as problem:
            step.error = storable(problem.as_error())
        else:
            step.call = call
            self._attempt(CallLease.claim_new(call), step, data)
            return step
        step.save(force_insert=True)
        return step

    def _after(self, definition: dict[str, Any], step: StepRun) -> bool:
        call = step.call
        if call is not None and call.status == ActionCall.Status.COMPLETED:
            if step.status == StepRun.Status.RUNNING:  # else it was written down with the result
                self._step_done(step, StepRun.Status.COMPLETED)
            self.fields["steps"][step.key] = call.output
            return True
        if call is not None and call.status == ActionCall.Status.WAITING:
            self._wait(call)
            return False
        if call is not None and call.status == ActionCall.Status.PAUSED:
            self.lease.release(status=Run.Status.PAUSED, blocked_on=call.connection, error=call.error)
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
        """Return whether the failed call is retried later; the run then waits for it."""
        again = outcomes.of_further_round(call) if call.status == ActionCall.Status.FAILED else None
        if again is None:
            return False
        with Batch() as batch:
            self.lease.put(
                batch, **RELEASED, status=Run.Status.WAITING, due_at=again["next_attempt_at"], claims=0
            )
            batch.update(call, {"status": ActionCall.Status.FAILED}, again, lost=None)
        return True

    def step_completed(self, batch: Batch, step: StepRun) -> None:
        """Write the step's end, and the run's if it was the last, as `_step_done` and `_end` do."""
        now, position = clock.now(), self.run.position + 1
        if position < len(self.steps):
            self._to_next_step(batch)
        else:
            ended = {"position": position, "claims": 1, "error": None, "finished_at": now}
            self.lease.put(batch, **RELEASED, status=Run.Status.COMPLETED, **ended)
            outbox.owe_run(batch, self.run)
        batch.update(step, {}, {"status": StepRun.Status.COMPLETED, "finished_at": now}, lost=None)

    def _to_next_step(self, batch: Batch) -> None:
        self.lease.put(batch, position=self.run.position + 1, claims=1, **self.lease.renewed())

    def _step_done(self, step: StepRun, status: str, error: Any = None) -> None:
        ended = {"status": status, "error": error, "finished_at": clock.now()}
        with Batch() as batch:
            self._to_next_step(batch)
            batch.update(step, {}, ended, lost=None)

    def _wait(self, call: ActionCall) -> None:
        held = call.status == ActionCall.Status.RUNNING
        due_at = (call.lease_until if held else call.next_attempt_at) or clock.now()
        self.lease.release(status=Run.Status.WAITING, due_at=due_at, claims=0)

    def _end(self, status: str, error: Any = None) -> None:
        """Write the end and what is owed to hooks for it."""
        with Batch() as batch:
            self.lease.put(batch, **RELEASED, status=status, error=error, finished_at=clock.now())
            outbox.owe_run(batch, self.run)
            if status == Run.Status.FAILED:
                facts.run_failed(batch, self.run, error)


class _StepOwner(Owner):
    """The run step as the owner of its call."""

    def __init__(self, walk: Walk, step: StepRun) -> None:
        super().__init__(walk.lease.keep)
        self.run = walk.run
        self._walk, self._step = walk, step

    def hold(self, batch: Batch) -> None:
        self._walk.lease.hold(batch)

    def save(self, batch: Batch, call: ActionCall, fields: dict[str, Any]) -> None:
        """Insert the call, then the step that refers to it."""
        batch.insert(call, fields)
        batch.insert(self._step, {"call": call})

    def completed(self, batch: Batch, call: ActionCall) -> None:
        self._walk.step_completed(batch, self._step)
