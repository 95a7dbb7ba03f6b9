"""Running a selection again: ask first, then follow how far it is."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.web.access import here, member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.web.actions import perform
from workflows.models import ReplayBatch, Run
from workflows.models.runs import UNFINISHED
from workflows.pages.runs.filters import Filters
from workflows.pages.runs.views import SECTION
from workflows.runs import bulk_replay


@member
@never_cache
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """The filters of the list are in the address; what they select is run again after a confirmation."""
    place = here(request)
    filters = Filters(request.GET, place=place)
    runs = filters.narrow(Run.objects.at(place))
    failed, every = (len(bulk_replay.chosen_of(runs, begin_at)) for begin_at in Run.ReplayFrom.values)
    if request.method == "POST":
        begin_at = request.POST.get("from") or (
            Run.ReplayFrom.FAILED_STEP if failed else Run.ReplayFrom.START
        )
        try:
            batches = bulk_replay.start(
                actor=actor_of(request), runs=runs, selection=filters.asked, begin_at=_known(begin_at)
            )
        except Problem as problem:
            messages.error(request, problem.message)
        else:
            return redirect("workflows:replay_progress", bulk_replay.key_of(batches[0]))
    context = {
        "failed": min(failed, bulk_replay.MOST),
        "found": min(every, bulk_replay.MOST),
        "more": every > bulk_replay.MOST,
        "query": request.GET.urlencode(),
    }
    return render(request, "runs/replay.html", context | SECTION, status=400 if filters.errors else 200)


def _known(begin_at: str) -> str:
    """Raises Problem (invalid_input)."""
    if begin_at not in Run.ReplayFrom.values:
        raise Problem("invalid_input", "Choose where the runs start.", fields={"from": ["Invalid choice."]})
    return begin_at


def _batches(request: HttpRequest, replay_id: uuid.UUID) -> list[ReplayBatch]:
    found = bulk_replay.group_of(ReplayBatch.objects.visible_to(actor_of(request)), replay_id)
    if not found:
        raise Http404
    return found


@member
@never_cache
@require_GET
def progress(request: HttpRequest, replay_id: uuid.UUID) -> HttpResponse:
    """The page; asked for by itself (`?part`), only the part of it that changes, or at the end "load it anew"."""
    batches = _batches(request, replay_id)
    state = bulk_replay.progress(batches)
    if "part" in request.GET and not state.open:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {
        "key": replay_id,
        "batches": batches,
        "state": state,
        "ended": sum(count for status, count in state.runs.items() if status not in UNFINISHED)
        + state.skipped,
        "statuses": [(Run.Status(status).label, count) for status, count in sorted(state.runs.items())],
    }
    template = "runs/_replay_state.html" if "part" in request.GET else "runs/replay_progress.html"
    return render(request, template, context | SECTION)


@member
@require_POST
def cancel(request: HttpRequest, replay_id: uuid.UUID) -> HttpResponse:
    perform(
        request,
        lambda: bulk_replay.cancel(actor=actor_of(request), batches=_batches(request, replay_id)),
        "Replay cancelled. Completed runs aren’t undone.",
    )
    return redirect("workflows:replay_progress", replay_id)
