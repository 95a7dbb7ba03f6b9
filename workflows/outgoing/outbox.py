"""The outbox: a row for each endpoint, in the transaction in which the event is stored or the run ends."""

from collections.abc import Iterable
from functools import cache

import structlog
from django.db import Error, connection, transaction
from django.db.models import F

from core.db import clock
from core.db.hot import rows as hot_rows
from core.db.hot.batch import Batch
from workflows.models import Event, Hook, HookDelivery, Run
from workflows.outgoing import matching
from workflows.queue import wakeup

Kind = HookDelivery.Kind
log = structlog.get_logger(__name__)

_ENDED = ["completed", "failed", "cancelled"]
_NEW_ID = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()"}


def insert_sql(
    kind: Kind, vendor: str, *, about: str, lane: str, at: str, workspace: str, trigger: str, source: str = ""
) -> str:
    """Return the statement that inserts a delivery for each endpoint that takes the event or run.

    The arguments are SQL expressions or placeholders, used in this order: about (key of the event or run), lane, at
    (twice), workspace, trigger. source: the start of the FROM clause, with a trailing comma.
    """
    columns = {
        "id": _NEW_ID[vendor],
        "workspace_id": "h.workspace_id",
        "hook_id": "h.id",
        "kind": f"'{kind}'",
        f"{kind}_id": about,
        "lane": lane,
        "status": "'waiting'",
        "attempts": "0",
        "tries": "'[]'",
        "next_attempt_at": at,
        "created_at": at,
    }
    return (
        f"INSERT INTO {HookDelivery._meta.db_table} ({', '.join(columns)})"  # noqa: S608 - our own names
        f" SELECT {', '.join(columns.values())} FROM {source}{Hook._meta.db_table} h"
        f" WHERE {matching.as_sql(kind, workspace=workspace, trigger=trigger)}"
    )


def owe_event(event: Event) -> None:
    """Tell the hooks that take this event. Call it where it is stored, inside that transaction.

    A paused hook is owed it too, and sent it when it is resumed.
    """
    takes = matching.as_q(Kind.EVENT, workspace=event.workspace_id, trigger=event.trigger_id)
    _owe(
        [
            HookDelivery(
                workspace_id=event.workspace_id, hook_id=hook, lane=event.lane, kind=Kind.EVENT, event=event
            )
            for hook in Hook.objects.filter(takes).values_list("pk", flat=True)
        ]
    )


def owe_runs(keys: Iterable[int]) -> None:
    """Tell the hooks of their workspaces of runs that have just finished, by `seq`; inside that transaction.

    Nothing is sent for tests: neither of drafts, nor runs on test events.
    """
    keys = list(keys)
    if not keys:
        return
    hook = "workspace__hooks__"
    takes = matching.as_q(Kind.RUN, workspace=F("workspace"), trigger=F("event__trigger"), hook=hook)
    runs = Run.objects.real().filter(takes, pk__in=keys, status__in=_ENDED, event__is_test=False)
    _owe(
        [
            HookDelivery(workspace_id=workspace, hook_id=hook_id, lane=lane, kind=Kind.RUN, run_id=key)
            for workspace, hook_id, lane, key in runs.values_list("workspace", f"{hook}id", "lane", "pk")
        ]
    )


def owe_run(batch: Batch, run: Run) -> None:
    """Like `owe_runs`, for one run whose end is part of the same batch."""
    if run.is_test or run.event.is_test:
        return
    now = clock.now()
    about = {"run": run.pk, "lane": run.lane, "next_attempt_at": now, "created_at": now}
    takers = {"workspace": run.workspace_id, "trigger": run.event.trigger_id}
    parameters = [*hot_rows.stored(HookDelivery, about), *hot_rows.stored(Hook, takers)]
    batch.add(_owe_run_sql(connection.vendor), parameters, then=_wake_sender)


@cache
def _owe_run_sql(vendor: str) -> str:
    insert = insert_sql(Kind.RUN, vendor, about="%s", lane="%s", at="%s", workspace="%s", trigger="%s")
    return f"{insert} AND {{so_far}} ON CONFLICT DO NOTHING RETURNING 1 AS answer"


def _wake_sender(owed: int) -> None:
    """Wake the sender for rows that are written. If this fails, the watchdog sends the wake-up."""
    try:
        with transaction.atomic():
            wakeup.wake_sender()
    except Error as error:
        log.warning("wakeup_failed", error=type(error).__name__)


def _owe(deliveries: list[HookDelivery]) -> None:
    if deliveries:
        HookDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)
        wakeup.wake_sender()
