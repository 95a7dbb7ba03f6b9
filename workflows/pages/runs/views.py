"""The runs of an agency's workflows, and the page of one."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from connections.web.access import here, member
from connections.web.actor_of_request import actor_of
from core.web.actions import perform
from core.web.pagination import page_of
from workflows import catalog
from workflows.formatting.labels import how_long
from workflows.models import Run
from workflows.pages.runs.filters import Filters
from workflows.presenters import run as run_page
from workflows.queue import waiting
from workflows.runs import control

SECTION = {"section": "runs"}
_PAGE = 25


@member
@never_cache
@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """Newest first."""
    place = here(request)
    filters = Filters(request.GET, place=place)
    # First which ones: so what a page takes is read for those on it alone, however far back that is.
    page = page_of(request, filters.narrow(Run.objects.at(place)).values_list("pk", flat=True), _PAGE)
    related = ("workflow", "workspace", "event__trigger__connection", "blocked_on")
    runs = Run.objects.filter(pk__in=page.rows).select_related(*related).defer("tested")
    context = {
        "filters": filters,
        "asked": filters.asked,
        "page": page,
        "rows": lines_of(runs),
    }
    return render(request, "runs/list.html", context | SECTION, status=400 if filters.errors else 200)


@dataclass(frozen=True)
class Line:
    """One run in a list: what it is about, how long it took, and why it is not going on if it has not ended."""

    run: Run
    subject: str
    took: str
    waiting: waiting.Waiting | None


def lines_of(runs: Iterable[Run]) -> list[Line]:
    """runs: with event__trigger__connection."""
    rows = list(runs)
    why = waiting.of(rows)
    return [
        Line(
            run,
            _subject(run),
            how_long(run.finished_at - run.created_at) if run.finished_at else "–",
            why.get(run.pk),
        )
        for run in rows
    ]


def _subject(run: Run) -> str:
    integration = catalog.integration(run.event.trigger.provider)
    return integration.webhooks.in_words(run.event.payload).subject


def run_or_404(request: HttpRequest, run_id: uuid.UUID, *related: str) -> Run:
    run = Run.objects.visible_to(actor_of(request)).select_related(*related).filter(id=run_id).first()
    if run is None:
        raise Http404
    return run


@member
@never_cache
@require_GET
def detail(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    related = (
        "workflow",
        "version",
        "event__trigger__connection",
        "workspace__account",
        "blocked_on",
        "replay_of",
    )
    context = run_page.context_of(run_or_404(request, run_id, *related))
    return render(request, "runs/detail.html", context | SECTION)


@member
@never_cache
@require_GET
def progress(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """For the page to ask again and again: 204 while nothing has changed since `?seen=`, then "load it anew"."""
    run = run_or_404(request, run_id)
    now = run_page.seen(run, run_page.steps_of(run), waiting.of([run]).get(run.pk))
    if request.GET.get("seen") == now:
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})


@member
@require_POST
def cancel(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    return _do(request, run_id, control.cancel, "Run cancelled. Completed steps aren’t undone.")


@member
@require_POST
def pause(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    return _do(request, run_id, control.pause, "Run paused. Later runs for this incident are queued.")


@member
@require_POST
def resume(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    return _do(request, run_id, control.resume, "Run resumed.")


def _do(request: HttpRequest, run_id: uuid.UUID, act: Callable[..., None], said: str) -> HttpResponse:
    run = run_or_404(request, run_id, "workflow__workspace")
    perform(request, lambda: act(actor=actor_of(request), run=run), said)
    return redirect("workflows:run", run.id)
