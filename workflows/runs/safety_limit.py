"""The safety limit of runs a minute: a workflow that starts more is paused, and no run is lost.

Its further runs are created paused, and continue when a person resumes the workflow. The limit of requests to a
provider is another one (connections.grants.request_budget).
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from connections import audit
from connections.tenancy.actor import Actor
from core.db import clock
from core.db.hot import prepared, rows
from core.errors import Problem
from workflows.models import Run, Workflow
from workflows.notifications import facts
from workflows.outgoing import outbox

log = structlog.get_logger(__name__)

WINDOW = timedelta(minutes=1)
_AT_ONCE = 200
# Unordered: looking for the newest first, databases walk through all runs there are.
_BEGUN = (
    f"SELECT COUNT(*) FROM (SELECT 1 FROM {Run._meta.db_table} WHERE workflow_id = %s AND created_at >= %s"  # noqa: S608 - our own name
    " AND replay = 0 AND version_id IS NOT NULL AND status <> 'cancelled' LIMIT %s) AS begun"
)


def listening() -> Q:
    """Return the filter for workflows that events still create runs of: active, or paused by the limit."""
    held = Q(status=Workflow.Status.PAUSED, pause_reason=Workflow.PauseReason.SAFETY)
    return Q(status=Workflow.Status.ACTIVE) | held


def holds(workflow: Workflow, now: datetime) -> bool:
    """Return whether the next run has to wait for a person. Pause the workflow at the first run beyond the limit.

    Two workers at the same time may let a few more begin. Call it in the transaction that makes the run.
    """
    if workflow.pause_reason == Workflow.PauseReason.SAFETY:
        return True
    since = max(now - WINDOW, workflow.counted_from or now - WINDOW)
    limit = workflow.max_runs_per_minute
    about = rows.stored(Run, {"workflow": workflow, "created_at": since})
    with prepared.run(_BEGUN, [*about, limit]) as cursor:
        if cursor.fetchone()[0] < limit:
            return False
    _pause(workflow)
    return True


def _pause(workflow: Workflow) -> None:
    active = Workflow.objects.filter(pk=workflow.pk, status=Workflow.Status.ACTIVE)
    reason = Workflow.PauseReason.SAFETY
    if not active.update(status=Workflow.Status.PAUSED, pause_reason=reason):
        return
    workflow.status, workflow.pause_reason = Workflow.Status.PAUSED, reason
    limit = workflow.max_runs_per_minute
    log.warning("workflow_paused_for_safety", workflow=str(workflow.pk), limit=limit)
    facts.workflow_paused(workflow)
    audit.record(
        Actor.system(),
        "workflow.paused_for_safety",
        workspace=workflow.workspace,
        target=str(workflow.pk),
        detail={"workflow": workflow.name, "runs_per_minute": limit},
    )


def held_error(workflow: Workflow) -> dict[str, object]:
    """Return the error of a held run."""
    return Problem(
        "paused_for_safety",
        f"Paused (safety limit): this workflow exceeded {workflow.max_runs_per_minute} runs a minute. The "
        "run continues when the workflow is resumed.",
        status=409,
        detail={"runs_per_minute": workflow.max_runs_per_minute},
    ).as_error()


def held(workflow: Workflow) -> QuerySet[Run]:
    """Return the runs of a workflow that the limit holds."""
    return held_of(Workflow.objects.filter(pk=workflow.pk))


def held_of(workflows: QuerySet[Workflow]) -> QuerySet[Run]:
    """Return the runs of several workflows that the limit holds."""
    keys = workflows.values("pk")
    return Run.objects.filter(
        workflow__in=keys, status=Run.Status.PAUSED, pause_reason=Run.PauseReason.SAFETY
    )


def let_go(runs: QuerySet[Run]) -> int:
    """Let held runs go on. Return how many."""
    return runs.update(status=Run.Status.PENDING, pause_reason="", error=None, claims=0, due_at=clock.now())


def cancel(runs: QuerySet[Run], error: dict[str, object]) -> int:
    """End held runs. Return how many. Call it in a transaction."""
    now = clock.now()
    workflows = list(runs.order_by().values_list("workflow", flat=True).distinct())
    ended = runs.update(status=Run.Status.CANCELLED, pause_reason="", error=error, finished_at=now)
    now_over = Run.objects.filter(workflow__in=workflows, status=Run.Status.CANCELLED, finished_at=now)
    keys = list(now_over.values_list("pk", flat=True))
    for start in range(0, len(keys), _AT_ONCE):
        outbox.owe_runs(keys[start : start + _AT_ONCE])
    return ended


def release() -> int:
    """Release runs that were held just as their workflow was resumed or archived. Return how many continue."""
    late = Run.objects.filter(status=Run.Status.PAUSED, pause_reason=Run.PauseReason.SAFETY)
    gone = late.filter(workflow__status=Workflow.Status.ARCHIVED).values_list("pk", flat=True)
    with transaction.atomic():
        cancel(Run.objects.filter(pk__in=list(gone[:_AT_ONCE])), archived_error())
    back = late.filter(workflow__status=Workflow.Status.ACTIVE).values_list("pk", flat=True)
    return let_go(Run.objects.filter(pk__in=list(back[:_AT_ONCE])))


def archived_error() -> dict[str, object]:
    return Problem("cancelled", "The workflow was archived.", status=409).as_error()
