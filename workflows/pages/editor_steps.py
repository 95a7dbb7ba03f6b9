"""The steps of a draft: choose an action, fill in its form, see what comes of it, move and remove."""

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from rest_framework.serializers import ValidationError

from connections.access import member
from connections.models import Connection
from connections.problems import Problem
from connections.requests import actor_of
from workflows import calls, catalog, drafts, lookups, readable, rehearsal, samples
from workflows.catalog import ActionType
from workflows.condition_form import ConditionForm
from workflows.models import Workflow
from workflows.pages.editor import SECTION, get_draft, keep, store, why
from workflows.step_form import StepForm

_MOST_CONNECTIONS = 50


def _connections(workflow: Workflow) -> Any:
    usable = Connection.objects.filter(workspace=workflow.workspace_id).exclude(status="revoked")
    return usable.select_related("grant", "workspace__account")


@member
@require_GET
def choose(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    """Every action of every connection of the workspace."""
    workflow = get_draft(request, workflow_id)
    offered = [
        (connection, list(catalog.integration(connection.provider).actions.values()))
        for connection in _connections(workflow).order_by("label")[:_MOST_CONNECTIONS]
    ]
    return render(request, "editor/choose.html", {"workflow": workflow, "offered": offered} | SECTION)


@member
@never_cache
@require_http_methods(["GET", "POST"])
def add(
    request: HttpRequest, workflow_id: uuid.UUID, connection_id: uuid.UUID, provider: str, action: str
) -> HttpResponse:
    """A new step at the end."""
    workflow = get_draft(request, workflow_id)
    return _form(request, workflow, {"connection": str(connection_id), "action": f"{provider}/{action}"})


@member
@never_cache
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, workflow_id: uuid.UUID, key: str) -> HttpResponse:
    workflow = get_draft(request, workflow_id)
    return _form(request, workflow, _step(workflow, key))


def _step(workflow: Workflow, key: str) -> drafts.Definition:
    step = drafts.step_of(workflow.draft, key)
    if step is None:
        raise Http404
    return step


def _kind(workflow: Workflow, step: drafts.Definition) -> tuple[Connection, ActionType]:
    connection = _connections(workflow).filter(pk=step["connection"]).first()
    if connection is None:
        raise Http404
    try:
        return connection, calls.find(connection, step["action"])
    except Problem:
        raise Http404 from None


def _before(workflow: Workflow, step: drafts.Definition) -> list[drafts.Definition]:
    """The steps whose results this one can use."""
    steps = workflow.draft["steps"]
    at = next((place for place, one in enumerate(steps) if one["key"] == step.get("key")), len(steps))
    return list(steps[:at])


def _form(request: HttpRequest, workflow: Workflow, step: drafts.Definition) -> HttpResponse:
    connection, action = _kind(workflow, step)
    data = request.POST if request.method == "POST" else None
    form = StepForm(action, step, data)
    sources = samples.sources(workflow, _before(workflow, step))
    only_if = ConditionForm(step.get("only_if", {}), sources, data, prefix="only-")
    if data is not None and "more" not in data and _stored(request, workflow, step, form, only_if):
        return redirect("workflows:edit", workflow.pk)
    form.offer(lookups.asker(actor=actor_of(request), connection=connection), actor_of(request).label)
    context = {
        "workflow": workflow,
        "connection": connection,
        "action": action,
        "form": form,
        "only_if": only_if,
        "parts": form.parts(),
        "sources": sources,
        "key": step.get("key", ""),
    }
    wrong = data is not None and "more" not in data
    return render(request, "editor/step.html", context | SECTION, status=400 if wrong else 200)


def _stored(
    request: HttpRequest,
    workflow: Workflow,
    step: drafts.Definition,
    form: StepForm,
    only_if: ConditionForm,
) -> bool:
    """Whether what was entered is in the draft now; if not, the forms say why."""
    if form.is_valid():
        form.judge(_sample(workflow, step))
    if not (form.is_valid() and only_if.is_valid()):
        return False
    key = step.get("key") or drafts.new_key(workflow.draft, form.cleaned_data["name"])
    made = form.step(key=key, connection=step["connection"])
    if only_if.conditions["rows"]:
        made["only_if"] = only_if.conditions
    try:
        store(request, workflow, drafts.with_step(workflow.draft, made))
    except (ValidationError, Problem) as problem:
        detail = problem.detail if isinstance(problem, ValidationError) else {}
        form.blame(detail, len(_before(workflow, step)), why(problem))
        return False
    return True


def _sample(workflow: Workflow, step: drafts.Definition) -> dict[str, Any]:
    outputs = {one["key"]: samples.of_step(one) for one in _before(workflow, step)}
    return {**samples.of_trigger(workflow.trigger), "steps": outputs}


@member
@never_cache
@require_POST
def preview(
    request: HttpRequest, workflow_id: uuid.UUID, connection_id: uuid.UUID, provider: str, action: str
) -> HttpResponse:
    """What the form's input becomes on the sample, as a part of its page; `key` says which step it is."""
    workflow = get_draft(request, workflow_id)
    step = {
        "connection": str(connection_id),
        "action": f"{provider}/{action}",
        "key": request.POST.get("key", ""),
    }
    _, kind = _kind(workflow, step)
    form = StepForm(kind, {}, request.POST)
    form.is_valid()
    filled, faults = rehearsal.fill(form.input, _sample(workflow, step))
    context = {
        "given": readable.of_input(catalog.input_schema(kind.key), filled),
        "faults": _named(form, faults),
    }
    return render(request, "editor/preview.html", context)


def _named(form: StepForm, faults: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(str(form.fields[f"in-{name}"].label), what) for name, what in faults]


@member
@require_POST
def move(request: HttpRequest, workflow_id: uuid.UUID, key: str, by: int) -> HttpResponse:
    """by: -1 for earlier, 1 for later."""
    workflow = get_draft(request, workflow_id)
    _step(workflow, key)
    keep(request, workflow, drafts.moved(workflow.draft, key, by))
    return redirect("workflows:edit", workflow.pk)


@member
@require_POST
def remove(request: HttpRequest, workflow_id: uuid.UUID, key: str) -> HttpResponse:
    workflow = get_draft(request, workflow_id)
    name = _step(workflow, key).get("name") or key
    keep(
        request, workflow, drafts.without_step(workflow.draft, key), said=f"{name} is removed from the draft."
    )
    return redirect("workflows:edit", workflow.pk)
