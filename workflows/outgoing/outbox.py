"""What is owed to hooks: a row for each, in the transaction in which the event is stored or the run ends."""

from collections.abc import Iterable
from typing import Any

import structlog
from django.db import Error, connection, transaction
from django.db.models import Q

from core.db import clock
from core.db.hot import batch
from core.db.hot import rows as quick_rows
from workflows.models import Event, Hook, HookDelivery, Run
from workflows.queue import wakeup

log = structlog.get_logger(__name__)

_ENDED = ["completed", "failed", "cancelled"]
# The same thing owed twice is owed once: a repeat meets the row that is there.
_OWE_RUN = (
    f"INSERT INTO {HookDelivery._meta.db_table}"  # noqa: S608 - our own names
    " (id, workspace_id, hook_id, kind, run_id, lane, status, attempts, tries, next_attempt_at, created_at)"
    " SELECT {id}, h.workspace_id, h.id, 'run', %s, %s, 'waiting', 0, '[]', %s, %s"
    f" FROM {Hook._meta.db_table} h WHERE h.workspace_id = %s AND (h.trigger_id IS NULL OR h.trigger_id = %s)"
    " AND h.runs AND h.deleted_at IS NULL AND {so_far} ON CONFLICT DO NOTHING RETURNING 1 AS answer"
)
_NEW_ID = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()"}


def owe_event(event: Event) -> None:
    """Tell the hooks that take this event. Call it where it is stored, inside that transaction.

    A paused hook is owed it too, and sent it when it is resumed.
    """
    takes = Q(trigger__isnull=True) | Q(trigger=event.trigger_id)
    hooks = Hook.objects.filter(takes, workspace=event.workspace_id, events=True, deleted_at__isnull=True)
    _owe([_delivery(hook, event.lane, kind="event", event=event) for hook in hooks.only("id", "workspace")])


def owe_runs(keys: Iterable[int]) -> None:
    """Tell the hooks of their workspaces of runs that have just finished, by `seq`; inside that transaction.

    Nothing is sent for tests: neither of drafts, nor runs on test events.
    """
    keys = list(keys)
    if not keys:
        return
    runs = Run.objects.real().filter(pk__in=keys, status__in=_ENDED)
    rows = runs.only("seq", "workspace", "lane", "event__trigger", "event__is_test").select_related("event")
    ended = [run for run in rows if not run.event.is_test]
    workspaces = {run.workspace_id for run in ended}
    hooks = list(Hook.objects.filter(workspace__in=workspaces, runs=True, deleted_at__isnull=True))
    _owe(
        [
            _delivery(hook, run.lane, kind="run", run=run)
            for run in ended
            for hook in hooks
            if hook.workspace_id == run.workspace_id and hook.trigger_id in (None, run.event.trigger_id)
        ]
    )


def owe_run(run: Run) -> None:
    """As `owe_runs`, of one whose end is written in one with this (batch.in_one)."""
    if run.is_test or run.event.is_test:
        return
    now = clock.now()
    about = {"run": run.pk, "lane": run.lane, "next_attempt_at": now, "created_at": now}
    takers = {"workspace": run.workspace_id, "trigger": run.event.trigger_id}
    parameters = [*quick_rows.stored(HookDelivery, about), *quick_rows.stored(Hook, takers)]
    sql = _OWE_RUN.format(id=_NEW_ID[connection.vendor], so_far="{so_far}")
    batch.write(sql, parameters, then=_ring)


def _ring(owed: int) -> None:
    """What is owed is written; where this fails, the watchdog rings."""
    try:
        with transaction.atomic():
            wakeup.ring_hooks()
    except Error as error:
        log.warning("not_rung", error=type(error).__name__)


def _delivery(hook: Hook, lane: str, **about: Any) -> HookDelivery:
    return HookDelivery(workspace_id=hook.workspace_id, hook=hook, lane=lane, **about)


def _owe(deliveries: list[HookDelivery]) -> None:
    if deliveries:
        HookDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)
        wakeup.ring_hooks()
