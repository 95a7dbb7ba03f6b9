"""A test event: sending one, and letting one workflow run on it after saying what that does."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from connections.models import Connection
from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.web.actions import perform
from workflows import catalog
from workflows.models import Event, Workflow
from workflows.pages.triggers.views import SECTION, get_trigger
from workflows.triggers import lifecycle, test_events


@member
@require_POST
def send(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    """Put a sample into the inbox. It starts nothing."""
    trigger = get_trigger(request, trigger_id)
    perform(
        request,
        lambda: lifecycle.send_test(actor=actor_of(request), trigger=trigger),
        "Test event sent. Open it below to run a workflow on it.",
    )
    return redirect("triggers:detail", trigger.pk)


@member
@never_cache
@require_http_methods(["GET", "POST"])
def run(
    request: HttpRequest, trigger_id: uuid.UUID, event_id: uuid.UUID, workflow_id: uuid.UUID
) -> HttpResponse:
    """Ask first, with the steps as they would be sent; then the page of the run."""
    actor = actor_of(request)
    events = Event.objects.visible_to(actor).filter(trigger=trigger_id, id=event_id, is_test=True)
    event = events.select_related("trigger__connection__workspace__account").first()
    workflows = Workflow.objects.visible_to(actor).filter(trigger=trigger_id, pk=workflow_id)
    workflow = workflows.select_related("live", "trigger__connection", "workspace__account").first()
    if event is None or workflow is None or workflow.live is None:
        raise Http404
    if request.method == "GET":
        return _ask(request, workflow, event)
    version = request.POST.get("version", "")
    if not version:
        messages.error(request, "The form was incomplete. Nothing was run; check it and try again.")
        return _ask(request, workflow, event, status=400)
    if version != str(workflow.live.number):
        messages.error(
            request, "A new version was published in the meantime. Nothing was run; check it and try again."
        )
        return _ask(request, workflow, event, status=409)
    try:
        made = test_events.start(actor=actor, event=event, workflow=workflow)
    except Problem as problem:
        messages.error(request, problem.message)
        return _ask(request, workflow, event, status=problem.status)
    return redirect("workflows:run", made.id)


def _ask(request: HttpRequest, workflow: Workflow, event: Event, status: int = 200) -> HttpResponse:
    what = test_events.rehearse(workflow, event)
    connections = Connection.objects.filter(
        workspace=workflow.workspace_id, pk__in={step.connection for step in what.steps}
    )
    labels = {str(row.pk): row.label for row in connections}
    context = {
        "workflow": workflow,
        "event": event,
        "trigger": event.trigger,
        "integration": catalog.integration(event.trigger.provider),
        "what": what,
        "steps": [(step, labels.get(step.connection, "deleted connection")) for step in what.steps],
    }
    return render(request, "triggers/run_on_test.html", context | SECTION, status=status)
