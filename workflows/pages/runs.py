"""The runs of an agency's workflows, and the page of one."""

import uuid
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from connections.access import here, member
from connections.days import Day, midnight
from connections.paging import page_of
from connections.place import Place
from connections.problems import Problem
from connections.requests import actor_of
from workflows import catalog, run_control, run_page
from workflows.models import Run, Workflow
from workflows.wording import how_long

SECTION = {"section": "runs"}
_PAGE = 25
_MOST_CHOICES = 300
_WAITS_FOR_RECONNECTING = "reconnect"
_STATUSES = [("", "any"), *Run.Status.choices, (_WAITS_FOR_RECONNECTING, "Paused until reconnected")]


class Filters(forms.Form):
    """All optional; a date is a day in the reader's zone, both ends included."""

    status = forms.ChoiceField(choices=_STATUSES, required=False, label="Status")
    workflow = forms.ModelChoiceField(
        queryset=Workflow.objects.none(), required=False, label="Workflow", empty_label="any"
    )
    incident = forms.CharField(max_length=200, required=False, label="Incident ID")
    since = Day(required=False, label="From day")
    until = Day(required=False, label="To day")

    def __init__(self, data: Any, *, place: Place) -> None:
        super().__init__(data)
        keys = list(Workflow.objects.at(place).values_list("pk", flat=True)[:_MOST_CHOICES])
        choices = Workflow.objects.filter(pk__in=keys).order_by("name")
        self.fields["workflow"].queryset = choices  # type: ignore[attr-defined]

    def narrow(self, runs: QuerySet[Run]) -> QuerySet[Run]:
        """Only what was asked for; a field that could not be understood narrows to nothing."""
        if not self.is_valid():
            return runs.none()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        wanted: dict[str, Any] = {name: asked[name] for name in ("status", "workflow") if name in asked}
        if wanted.get("status") == _WAITS_FOR_RECONNECTING:
            wanted = {**wanted, "status": Run.Status.PAUSED, "blocked_on__isnull": False}
        if "incident" in asked:
            wanted["lane"] = asked["incident"].strip()
        if "since" in asked:
            wanted["created_at__gte"] = midnight(asked["since"])
        if "until" in asked:
            wanted["created_at__lt"] = midnight(asked["until"] + timedelta(days=1))
        return runs.filter(**wanted)


@member
@never_cache
@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """Newest first."""
    place = here(request)
    filters = Filters(request.GET, place=place)
    related = ("workflow", "workspace", "event__trigger__connection", "blocked_on")
    page = page_of(request, filters.narrow(Run.objects.at(place)).select_related(*related), _PAGE)
    context = {
        "filters": filters,
        "asked": any(request.GET.get(name) for name in filters.fields),
        "page": page,
        "rows": lines_of(page.rows),
    }
    return render(request, "runs/list.html", context | SECTION, status=400 if filters.errors else 200)


def lines_of(runs: Iterable[Run]) -> list[tuple[Run, str, str]]:
    """Each run (with event__trigger__connection), what it is about, and how long it took."""
    return [
        (run, _subject(run), how_long(run.finished_at - run.created_at) if run.finished_at else "–")
        for run in runs
    ]


def _subject(run: Run) -> str:
    integration = catalog.integration(run.event.trigger.provider)
    return integration.webhooks.in_words(run.event.payload).subject


def _run(request: HttpRequest, run_id: uuid.UUID, *related: str) -> Run:
    run = Run.objects.visible_to(actor_of(request)).select_related(*related).filter(id=run_id).first()
    if run is None:
        raise Http404
    return run


@member
@never_cache
@require_GET
def detail(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    related = ("workflow", "version", "event__trigger__connection", "workspace__account", "blocked_on")
    context = run_page.context_of(_run(request, run_id, *related))
    return render(request, "runs/detail.html", context | SECTION)


@member
@never_cache
@require_GET
def progress(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """For the page to ask again and again: 204 while nothing has changed since `?seen=`, then "load it anew"."""
    run = _run(request, run_id)
    if request.GET.get("seen") == run_page.seen(run, run_page.steps_of(run)):
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})


@member
@require_POST
def cancel(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    return _do(request, run_id, run_control.cancel, "The run is cancelled. What it had done stays done.")


@member
@require_POST
def pause(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    return _do(
        request, run_id, run_control.pause, "The run is paused. Later ones of its incident wait behind it."
    )


@member
@require_POST
def resume(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    return _do(request, run_id, run_control.resume, "The run goes on.")


def _do(request: HttpRequest, run_id: uuid.UUID, act: Callable[..., None], said: str) -> HttpResponse:
    run = _run(request, run_id, "workflow__workspace")
    try:
        act(actor=actor_of(request), run=run)
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, said)
    return redirect("workflows:run", run.id)


@member
@require_POST
def replay(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """The same event once more; the page is then the new run's."""
    run = _run(request, run_id, "workflow__live", "workflow__workspace")
    try:
        again = run_control.replay(actor=actor_of(request), run=run)
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("workflows:run", run.id)
    messages.success(request, "It runs again, with the version that is published now.")
    return redirect("workflows:run", again.id)
