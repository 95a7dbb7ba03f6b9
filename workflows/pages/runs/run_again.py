"""Running one run again: from the failed step at once, from the start after a question."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.web import form_tokens
from workflows.models import Run
from workflows.pages.runs.views import SECTION, run_or_404
from workflows.presenters import repeats
from workflows.runs import replay

_RELATED = ("version", "event__trigger", "workflow__live", "workflow__workspace")
_SAID = {
    Run.ReplayFrom.FAILED_STEP: "Retry started from the failed step. Completed steps are not repeated.",
    Run.ReplayFrom.START: "Replay started with the current version.",
}


@member
@require_POST
def retry(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """From the failed step; the page is then the new run's."""
    return _replay(request, run_or_404(request, run_id, *_RELATED), Run.ReplayFrom.FAILED_STEP)


@member
@never_cache
@require_http_methods(["GET", "POST"])
def from_start(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """The confirmation page of a replay from the start."""
    run = run_or_404(request, run_id, *_RELATED)
    if request.method == "POST":
        return _replay(request, run, Run.ReplayFrom.START)
    if not form_tokens.key_in(request.GET):
        return form_tokens.to_form(request)
    context = {
        "run": run,
        "repeated": repeats.of(run),
        "once": form_tokens.key_in(request.GET),
        "may_retry": replay.has_failed_step(run),
    }
    return render(request, "runs/from_start.html", context | SECTION)


def _replay(request: HttpRequest, run: Run, begin_at: str) -> HttpResponse:
    try:
        again, made = replay.replay(
            actor=actor_of(request), run=run, begin_at=begin_at, once=form_tokens.key_in(request.POST)
        )
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("workflows:run", run.id)
    if made:
        messages.success(request, _SAID[Run.ReplayFrom(begin_at)])
    else:
        messages.info(request, "Already submitted – showing the existing run.")
    return redirect("workflows:run", again.id)
