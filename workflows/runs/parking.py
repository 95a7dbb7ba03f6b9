"""Runs that wait for a person, and what is left open when runs end early."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from connections.models import Connection
from core.db import clock
from core.db.leases import RELEASED
from core.errors import Problem
from workflows.models import ActionCall, Run, StepRun
from workflows.notifications import facts
from workflows.outgoing import outbox


def resume(runs: Iterable[Run]) -> int:
    """Let paused runs go on from the step they are at."""
    keys = [run.pk for run in runs]
    return Run.objects.filter(pk__in=keys, status=Run.Status.PAUSED).update(
        status=Run.Status.PENDING, blocked_on=None, error=None, claims=0, due_at=clock.now()
    )


def close_steps(runs: Iterable[Run], error: Any) -> None:
    """End the open steps of runs that end without their own walk, and the calls behind them."""
    keys, now = [run.pk for run in runs], clock.now()
    ActionCall.objects.filter(
        step_run__run__in=keys, status__in=["pending", "running", "waiting", "paused"]
    ).update(
        status=ActionCall.Status.CANCELLED,
        error=error,
        next_attempt_at=None,
        **RELEASED,
        finished_at=now,
    )
    StepRun.objects.filter(run__in=keys, status=StepRun.Status.RUNNING).update(
        status=StepRun.Status.FAILED, error=error, finished_at=now
    )


@transaction.atomic
def fail_revoked(runs: Iterable[Run]) -> int:
    """End paused runs whose connection will not come back."""
    paused = [run for run in runs if run.status == Run.Status.PAUSED]
    problem = Problem("connection_revoked", "The connection was revoked.", status=409)
    error = {**problem.as_error(), "status": problem.status}
    failed = Run.objects.filter(pk__in=[run.pk for run in paused], status=Run.Status.PAUSED).update(
        status=Run.Status.FAILED, blocked_on=None, error=error, finished_at=clock.now()
    )
    close_steps(paused, error)
    outbox.owe_runs(run.pk for run in paused)
    facts.runs_failed(paused, error)
    return failed


def release(limit: int = 200) -> int:
    """Move on what parked at the very moment its connection came back or was revoked. Return how many."""
    paused = Run.objects.filter(status=Run.Status.PAUSED)
    back = paused.filter(blocked_on__status=Connection.Status.ACTIVE)
    gone = paused.filter(blocked_on__status=Connection.Status.REVOKED)
    return resume(back[:limit]) + fail_revoked(gone[:limit])
