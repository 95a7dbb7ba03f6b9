"""/healthz (this process answers) and /readyz (it can do its work: database, migrations, background workers)."""

from datetime import timedelta

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from core.db import clock
from core.db.postgresql import patience
from workflows.queue import heartbeat

_DATABASE_WITHIN_SECONDS = 3.0
_BEAT_WITHIN = timedelta(seconds=60)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process can answer at all."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when everything is there, else 503; the body says what is missing."""
    checks = {"database": "ok", "migrations": "ok", "workers": "ok"}
    try:
        with patience.of_one_request(_DATABASE_WITHIN_SECONDS):
            _check(checks)
    except Error:
        checks = {"database": "not reachable", "migrations": "unknown", "workers": "unknown"}
    ready = set(checks.values()) == {"ok"}
    return JsonResponse(
        {"status": "ok" if ready else "not ready", "checks": checks}, status=200 if ready else 503
    )


def _check(checks: dict[str, str]) -> None:
    """Write down what is missing. Raises django.db.Error."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        checks["migrations"] = "some are not applied"
        return
    beat = heartbeat.last_beat()
    if beat is None or clock.now() - beat > _BEAT_WITHIN:
        checks["workers"] = "no heartbeat in the last minute"
