"""The safety limit: a workflow that begins too many runs in a minute is paused, and nothing is lost.

Its runs are made all the same, paused, and go on when a person resumes the workflow.
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from connections import audit
from connections.tenancy.actor import Actor
from core.db import clock
from core.db.hot import batch, rows
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
    """Workflows that events still make runs of: the active ones, and those that the limit has paused."""
    held = Q(status=Workflow.Status.PAUSED, pause_reason=Workflow.PauseReason.SAFETY)
    return Q(status=Workflow.Status.ACTIVE) | held


def holds(workflow: Workflow, now: datetime) -> bool:
    """Whether its next run has to wait for a person; pauses the workflow when that is the first one beyond the limit.

    Two workers at the same time may let a few more begin. Call it in the transaction that makes the run.
    """
    if workflow.pause_reason == Workflow.PauseReason.SAFETY:
        return True
    since = max(now - WINDOW, workflow.counted_from or now - WINDOW)
    limit = workflow.max_runs_per_minute
    with batch.run(_BEGUN, [*rows.stored(Run, {"workflow": workflow, "created_at": since}), limit]) as cursor:
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
    """What a held run says of itself."""
    return Problem(
        "paused_for_safety",
        f"Paused (safety): this workflow exceeded its limit of {workflow.max_runs_per_minute} runs a minute. It "
        "continues when the workflow is resumed.",
        status=409,
        detail={"runs_per_minute": workflow.max_runs_per_minute},
    ).as_error()


def held(workflow: Workflow) -> QuerySet[Run]:
    """Its runs that the limit keeps back."""
    return held_of(Workflow.objects.filter(pk=workflow.pk))


def held_of(workflows: QuerySet[Workflow]) -> QuerySet[Run]:
    """As `held`, of several."""
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
    """See to what was held at the very moment its workflow was resumed or archived. Return how many went on."""
    late = Run.objects.filter(status=Run.Status.PAUSED, pause_reason=Run.PauseReason.SAFETY)
    gone = late.filter(workflow__status=Workflow.Status.ARCHIVED).values_list("pk", flat=True)
    with transaction.atomic():
        cancel(Run.objects.filter(pk__in=list(gone[:_AT_ONCE])), archived_error())
    back = late.filter(workflow__status=Workflow.Status.ACTIVE).values_list("pk", flat=True)
    return let_go(Run.objects.filter(pk__in=list(back[:_AT_ONCE])))


def archived_error() -> dict[str, object]:
    return Problem("cancelled", "The workflow was archived.", status=409).as_error()
