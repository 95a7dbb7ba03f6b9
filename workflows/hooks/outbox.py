"""What is owed to hooks: a row for each, in the transaction in which the event is stored or the run ends."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q

from connections import quick_rows
from workflows import doorbell
from workflows.models import Event, Hook, HookDelivery, Run

_ENDED = ["completed", "failed", "cancelled"]


def owe_event(event: Event) -> None:
    """Tell the hooks that take this event. Call it where it is stored, inside that transaction.

    A paused hook is owed it too, and sent it when it is resumed.
    """
    takes = Q(trigger__isnull=True) | Q(trigger=event.trigger_id)
    hooks = Hook.objects.filter(takes, workspace=event.workspace_id, events=True, deleted_at__isnull=True)
    _owe([_delivery(hook, event.lane, kind="event", event=event) for hook in hooks.only("id", "workspace")])


def owe_runs(keys: Iterable[int]) -> None:
    """Tell the hooks of their workspaces of runs that have just finished, by `seq`; inside that transaction.

    Nobody is told of tests.
    """
    runs = Run.objects.real().filter(pk__in=list(keys), status__in=_ENDED)
    ended = list(runs.only("seq", "workspace", "lane", "event__trigger").select_related("event"))
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
    """As `owe_runs`, of one whose end has just been written; `run` says what the row says."""
    if run.is_test:
        return
    listening = {"workspace": run.workspace_id, "runs": True, "deleted_at": None}
    hooks = quick_rows.find(Hook, listening, ["pk", "workspace", "trigger"])
    takers = [
        Hook(pk=key, workspace_id=whose) for key, whose, of in hooks if of in (None, run.event.trigger_id)
    ]
    _owe([_delivery(hook, run.lane, kind="run", run=run) for hook in takers])


def _delivery(hook: Hook, lane: str, **about: Any) -> HookDelivery:
    return HookDelivery(workspace_id=hook.workspace_id, hook=hook, lane=lane, **about)


def _owe(deliveries: list[HookDelivery]) -> None:
    if deliveries:
        # The same thing owed twice is owed once: a repeat meets the row that is there.
        HookDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)
        doorbell.ring_hooks()
