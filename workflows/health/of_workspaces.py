"""The health of workspaces: connections to reconnect, workflows that cannot run, runs that failed in the last day."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from connections.extension_points.health import Health
from connections.models import Connection, Workspace
from core.db import clock
from workflows import catalog
from workflows.health.of_workflows import connections_of
from workflows.models import Run, Subscription, Trigger, TriggerSecret, Workflow

_RECENTLY = timedelta(hours=24)
_DEAD = (
    Q(trigger__deleted_at__isnull=False)
    | Q(trigger__status=Trigger.Status.CLOSED)
    | Q(trigger__connection__status=Connection.Status.REVOKED)
)


def judge(rows: list[Workspace]) -> dict[Any, Health]:
    """At most eight queries, however many workspaces."""
    keys = [row.pk for row in rows]
    mine = Connection.objects.filter(workspace__in=keys)
    live = _counted(mine.exclude(status=Connection.Status.REVOKED), "workspace")
    broken = _counted(mine.filter(status=Connection.Status.ERROR), "workspace")
    dead = _dead(keys)
    off = Subscription.objects.filter(trigger__workspace__in=keys, status="on").exclude(trouble="")
    silent = _counted(off, "trigger__workspace")
    failed = _failed(keys)
    return {
        key: _of(
            live.get(key, 0), broken.get(key, 0), dead.get(key, 0), silent.get(key, 0), failed.get(key, 0)
        )
        for key in keys
    }


def _counted(rows: QuerySet[Any], by: str) -> dict[Any, int]:
    return dict(rows.order_by().values_list(by).annotate(Count("pk")))


def _dead(keys: list[Any]) -> Counter[Any]:
    """Active workflows that nothing starts, or whose steps act on a connection that was revoked (of_workflows)."""
    secrets = TriggerSecret.objects.filter(trigger=OuterRef("trigger"), retired_at__isnull=True)
    asking = [key for one in catalog.integrations() for key, trigger in one.triggers.items() if trigger.poll]
    unable = _DEAD | (~Q(trigger__key__in=asking) & ~Exists(secrets))
    active = Workflow.objects.filter(workspace__in=keys, status=Workflow.Status.ACTIVE)
    found = Counter(_counted(active.filter(unable), "workspace"))
    # Steps name connections inside JSON, so that those are read where one of the workspace was revoked.
    revoked = Connection.objects.filter(status=Connection.Status.REVOKED)
    gone = set(revoked.filter(workspace__in=keys).values_list("pk", flat=True))
    if gone:
        others = active.exclude(unable).filter(Exists(revoked.filter(workspace=OuterRef("workspace"))))
        acting = others.filter(live__isnull=False).values_list("workspace", "live__definition")
        found.update(key for key, definition in acting if connections_of(definition) & gone)
    return found


def _failed(keys: list[Any]) -> dict[Any, int]:
    """Runs that failed within the last day, without tests; by number, as the index of what ended badly has them."""
    begun = Run.objects.filter(created_at__gte=clock.now() - _RECENTLY).order_by("created_at")
    first = begun.values_list("seq", flat=True).first()
    if first is None:
        return {}
    failed = Run.objects.with_status(Run.Status.FAILED).real()
    return _counted(failed.filter(workspace__in=keys, seq__gte=first, event__is_test=False), "workspace")


def _of(live: int, broken: int, dead: int, silent: int, failed: int) -> Health:
    found = [
        (broken, "reconnection_needed", "connection to reconnect", "connections to reconnect"),
        (dead, "cannot_run", "workflow that cannot run", "workflows that cannot run"),
        (silent, "webhook_off", "webhook disabled", "webhooks disabled"),
        (failed, "failing", "run failed in 24 hours", "runs failed in 24 hours"),
    ]
    said = [row for row in found if row[0]]
    if said:
        counts = (f"{count} {one if count == 1 else many}" for count, _, one, many in said)
        return Health.known("workspace", said[0][1], "; ".join(counts) + ".")
    if not live:
        return Health.known("workspace", "empty", "No account is connected yet.")
    return Health.known("workspace", "healthy", "All connections are healthy.")
