"""Running a selection again: ask first, then follow how far it is."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.access import here, member
from connections.problems import Problem
from connections.requests import actor_of
from workflows import replays
from workflows.models import ReplayBatch, Run
from workflows.models.runs import UNFINISHED
from workflows.pages.run_filters import Filters
from workflows.pages.runs import SECTION


@member
@never_cache
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """The filters of the list are in the address; what they select is run again after a confirmation."""
    place = here(request)
    filters = Filters(request.GET, place=place)
    runs = filters.narrow(Run.objects.at(place))
    if request.method == "POST":
        try:
            batch = replays.start(actor=actor_of(request), runs=runs, selection=filters.asked)
        except Problem as problem:
            messages.error(request, problem.message)
        else:
            return redirect("workflows:replay_progress", batch.pk)
    found = len(replays.chosen_of(runs))
    context = {
        "found": min(found, replays.MOST),
        "more": found > replays.MOST,
        "query": request.GET.urlencode(),
    }
    return render(request, "runs/replay.html", context | SECTION, status=400 if filters.errors else 200)


def _batch(request: HttpRequest, replay_id: uuid.UUID) -> ReplayBatch:
    rows = ReplayBatch.objects.visible_to(actor_of(request)).select_related("workspace__account")
    batch = rows.filter(pk=replay_id).first()
    if batch is None:
        raise Http404
    return batch


@member
@never_cache
@require_GET
def progress(request: HttpRequest, replay_id: uuid.UUID) -> HttpResponse:
    """The page; asked for by itself (`?part`), only the part of it that changes, or at the end "load it anew"."""
    batch = _batch(request, replay_id)
    by_status = replays.progress(batch)
    ended = sum(count for status, count in by_status.items() if status not in UNFINISHED)
    cancelled = batch.status == ReplayBatch.Status.CANCELLED
    making = batch.status == ReplayBatch.Status.MAKING
    is_open = making or (not cancelled and ended < sum(by_status.values()))
    if "part" in request.GET and not is_open:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {
        "batch": batch,
        "total": len(batch.chosen),
        "ended": ended,
        "statuses": [(Run.Status(status).label, count) for status, count in sorted(by_status.items())],
        "cancelled": cancelled,
        "open": is_open,
    }
    template = "runs/replay_state.html" if "part" in request.GET else "runs/replay_progress.html"
    return render(request, template, context | SECTION)


@member
@require_POST
def cancel(request: HttpRequest, replay_id: uuid.UUID) -> HttpResponse:
    batch = _batch(request, replay_id)
    try:
        replays.cancel(actor=actor_of(request), batch=batch)
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, "Cancelled. What had run stays done.")
    return redirect("workflows:replay_progress", batch.pk)
