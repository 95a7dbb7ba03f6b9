"""Testing a draft for real: ask first, saying what will be done where; then the page of the run it makes."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from rest_framework.serializers import ValidationError

from connections.models import Connection
from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.web import form_tokens
from workflows.authoring import descriptions, draft_tests, dry_run
from workflows.models import Event, Workflow
from workflows.pages.editor.views import SECTION, get_draft, why


@member
@never_cache
@require_http_methods(["GET", "POST"])
def test(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    """`?event=`: one that arrived, otherwise the documented one."""
    workflow = get_draft(request, workflow_id)
    event = _event(request, workflow)
    if request.method == "POST":
        return _run(request, workflow, event)
    if not form_tokens.key_in(request.GET):
        return form_tokens.to_form(request)
    return _ask(request, workflow, event)


def _event(request: HttpRequest, workflow: Workflow) -> Event | None:
    """Raises Http404 for one that this trigger does not have."""
    asked = request.GET.get("event", "")
    if not asked:
        return None
    try:
        found = Event.objects.visible_to(actor_of(request)).filter(id=uuid.UUID(asked))
    except ValueError:
        raise Http404 from None
    event = found.filter(trigger=workflow.trigger_id).select_related("trigger__connection").first()
    if event is None:
        raise Http404
    return event


def _ask(request: HttpRequest, workflow: Workflow, event: Event | None, status: int = 200) -> HttpResponse:
    used = {step["connection"] for step in workflow.draft["steps"]}
    connections = Connection.objects.filter(workspace=workflow.workspace_id, pk__in=used)
    labels = {str(row.pk): row.label for row in connections}
    what = dry_run.rehearse(workflow, event)
    context = {
        "workflow": workflow,
        "event": descriptions.events([event])[0] if event else None,
        "starts": what.starts,
        "sound": what.sound,
        "steps": [(step, labels.get(step.connection, "deleted connection")) for step in what.steps],
        "once": form_tokens.key_in(request.GET) or form_tokens.new_key(),
        "mark": draft_tests.mark_of(workflow.draft),
    }
    return render(request, "editor/test.html", context | SECTION, status=status)


def _run(request: HttpRequest, workflow: Workflow, event: Event | None) -> HttpResponse:
    once = form_tokens.key_in(request.POST)
    made = draft_tests.made_before(workflow, once) if once else None
    if made is not None:
        messages.info(request, "Already submitted – showing the existing result.")
        return redirect("workflows:run", made.id)
    if not once:
        messages.error(request, form_tokens.INCOMPLETE)
        return _ask(request, workflow, event, status=400)
    if request.POST.get("draft") != draft_tests.mark_of(workflow.draft):
        messages.error(
            request,
            "The draft has changed since this page was opened. Nothing was run; check it and try again.",
        )
        return _ask(request, workflow, event, status=409)
    try:
        run = draft_tests.start(actor=actor_of(request), workflow=workflow, event=event, once=once)
    except (ValidationError, Problem) as problem:
        messages.error(request, why(problem, workflow.draft))
        status = problem.status if isinstance(problem, Problem) else 400
        return _ask(request, workflow, event, status=status)
    return redirect("workflows:run", run.id)
