"""GET /metrics, for Prometheus: what the processes of this machine counted, and what the database says for all."""

import hmac
import os
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from core.metrics import COUNTED, FOLDER, forget_ended
from workflows.worker.gauges import Gauges

_LOOPBACK = ("127.0.0.1", "::1")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Every figure in Prometheus' text format. 401 without METRICS_TOKEN; where none is set there is no such page."""
    if settings.METRICS_TOKEN:
        if not _has_token(request):
            return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    elif not (settings.DEVELOPMENT and _from_here(request)):
        raise Http404
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def exposition() -> bytes:
    counted, asked = COUNTED, CollectorRegistry()
    if folder := os.environ.get(FOLDER):
        forget_ended(Path(folder))
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    asked.register(Gauges())
    return generate_latest(counted) + generate_latest(asked)


def _has_token(request: HttpRequest) -> bool:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN.encode()
    return kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(errors="replace"), wanted)


def _from_here(request: HttpRequest) -> bool:
    """Return whether the request was sent on this machine, and not through a proxy."""
    return request.META.get("REMOTE_ADDR") in _LOOPBACK and "X-Forwarded-For" not in request.headers
