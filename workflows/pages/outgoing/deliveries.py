"""Deliveries of an endpoint: the log, one delivery with its attempts, dead letters once more."""

import uuid

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.web import statuses
from core.web.actions import perform
from core.web.pagination import page_of
from workflows.models import HookDelivery
from workflows.outgoing import endpoints
from workflows.outgoing.log import line_of, lines_of
from workflows.pages.outgoing.views import SECTION, get_hook

_PAGE = 25
_STATUSES = statuses.STATUSES["delivery"]


@member
@never_cache
@require_GET
def delivery_list(request: HttpRequest, hook_id: uuid.UUID) -> HttpResponse:
    """Everything that was owed to it, newest first; `?status=` and `?incident=` narrow it."""
    hook = get_hook(request, hook_id)
    status, lane = request.GET.get("status", ""), request.GET.get("incident", "").replace("\0", "").strip()
    rows = hook.deliveries.select_related("event", "run").defer("event__body")
    if status in _STATUSES:
        rows = rows.filter(status=status)
    if lane:
        rows = rows.filter(lane=lane[:200])
    page = page_of(request, rows, _PAGE)
    context = {
        "hook": hook,
        "page": page,
        "lines": lines_of(page.rows),
        "statuses": [(key, shown.words) for key, shown in _STATUSES.items()],
        "status": status if status in _STATUSES else "",
        "incident": lane[:200],
        "asked": bool(lane or status in _STATUSES),
        "dead": hook.deliveries.filter(status="dead").exclude(kind="test").exists(),
    }
    return render(request, "hooks/deliveries.html", context | SECTION)


def _delivery(request: HttpRequest, hook_id: uuid.UUID, delivery_id: uuid.UUID) -> HookDelivery:
    hook = get_hook(request, hook_id)
    rows = hook.deliveries.select_related("hook__workspace__account", "event__trigger", "run__workflow")
    found = rows.filter(id=delivery_id).first()
    if found is None:
        raise Http404
    return found


@member
@never_cache
@require_GET
def delivery(request: HttpRequest, hook_id: uuid.UUID, delivery_id: uuid.UUID) -> HttpResponse:
    found = _delivery(request, hook_id, delivery_id)
    earlier = HookDelivery.objects.filter(
        hook=hook_id, lane=found.lane, seq__lt=found.seq, status=HookDelivery.Status.WAITING
    )
    context = {
        "hook": found.hook,
        "delivery": found,
        "line": line_of(found),
        "behind": earlier.order_by("seq").first() if found.status == "waiting" else None,
    }
    return render(request, "hooks/delivery.html", context | SECTION)


@member
@require_POST
def replay(request: HttpRequest, hook_id: uuid.UUID, delivery_id: uuid.UUID) -> HttpResponse:
    found = _delivery(request, hook_id, delivery_id)
    perform(request, lambda: endpoints.replay_one(actor=actor_of(request), delivery=found), "Resending.")
    return redirect("hooks:delivery", hook_id, delivery_id)


@member
@require_POST
def replay_all(request: HttpRequest, hook_id: uuid.UUID) -> HttpResponse:
    """Every dead letter of the hook once more."""
    hook = get_hook(request, hook_id)
    count = endpoints.replay(actor=actor_of(request), hook=hook, deliveries=Q())
    messages.success(request, f"{count} dead letter{'' if count == 1 else 's'} queued for resend.")
    return redirect("hooks:deliveries", hook.pk)
