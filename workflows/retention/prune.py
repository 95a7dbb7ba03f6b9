"""Data retention: what is older than its agency keeps it is deleted, a few rows at a time, and counted.

Once a day each workspace gets a statement; the passes of housekeeping work on those that are not finished, in turn.
Nothing goes that is unfinished or that something unfinished still needs, and no audit event ever.
"""

import time
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef

from connections.models import Workspace
from core.db import clock
from workflows.models import RetentionStatement
from workflows.retention.candidates import KINDS

log = structlog.get_logger(__name__)

BATCH = 200
_BATCHES = 50
_BUDGET = 5.0
_OPENED = 500
_COUNTED = {
    "workflows.Event": "events",
    "workflows.Run": "runs",
    "workflows.StepRun": "steps",
    "workflows.ActionCall": "calls",
    "workflows.HookDelivery": "deliveries",
    "workflows.ReplayBatch": "replays",
}


def prune(batches: int = _BATCHES, budget: float = _BUDGET) -> int:
    """Run one pass: at most so many batches, begun within so many seconds. Return how many rows were deleted."""
    end, gone = time.monotonic() + budget, 0
    _begin_day()
    for _ in range(batches):
        open_ = RetentionStatement.objects.filter(finished_at__isnull=True)
        statement = open_.select_related("workspace__account").order_by("worked_at").first()
        if statement is None or time.monotonic() > end:
            break
        try:
            gone += _work(statement)
        except Exception:
            # A replay started to use these rows, or the code has a bug. The other statements go on.
            log.exception("retention_broke", workspace=str(statement.workspace_id))
            RetentionStatement.objects.filter(pk=statement.pk).update(worked_at=clock.now())
    return gone


def _begin_day() -> None:
    """Open a statement for each workspace that has none of today and has finished the previous one."""
    now = clock.now()
    of_it = RetentionStatement.objects.filter(workspace=OuterRef("pk"))
    due = Workspace.objects.filter(
        ~Exists(of_it.filter(day__gte=now.date())), ~Exists(of_it.filter(finished_at__isnull=True))
    )
    RetentionStatement.objects.bulk_create(
        [
            RetentionStatement(
                workspace=workspace,
                day=now.date(),
                days=workspace.account.retention_days,
                cutoff=now - timedelta(days=workspace.account.retention_days),
                started_at=now,
                worked_at=now,
            )
            for workspace in due.select_related("account").order_by("pk")[:_OPENED]
        ],
        ignore_conflicts=True,  # another worker has just done so
    )


def _work(statement: RetentionStatement) -> int:
    """Delete the next batch of rows, or finish. The rows and their counts change in one transaction.

    If the agency has chosen a longer retention since the statement began, the longer one applies at once.
    """
    longer = clock.now() - timedelta(days=statement.workspace.account.retention_days)
    cutoff = min(statement.cutoff, longer)
    stage, keys = statement.stage, []
    while stage < len(KINDS):
        rows = KINDS[stage].rows(statement.workspace, cutoff)
        keys = list(rows.order_by(KINDS[stage].order).values_list("pk", flat=True)[:BATCH])
        if keys:
            break
        stage += 1
    now = clock.now()
    with transaction.atomic():
        # Writing takes the row's lock: workers that meet here go one after the other.
        ours = RetentionStatement.objects.filter(
            pk=statement.pk, stage=statement.stage, finished_at__isnull=True
        )
        over = {} if keys else {"finished_at": now}
        if not ours.update(stage=stage, worked_at=now, **over) or not keys:
            return 0
        # A replay takes the same lock, so it may have chosen some of these rows by now: select them anew.
        statement.workspace.take_turns()
        rows = KINDS[stage].rows(statement.workspace, cutoff)
        gone = KINDS[stage].delete(rows.filter(pk__in=keys))
        counts = {name: gone[model] for model, name in _COUNTED.items() if gone[model]}
        more = {name: F(name) + count for name, count in counts.items()}
        if more:
            RetentionStatement.objects.filter(pk=statement.pk).update(**more)
    return sum(counts.values())
