"""The steps of a draft: choose an action, fill in its form, see what comes of it."""

import uuid
from collections.abc import Collection
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from rest_framework.serializers import ValidationError

from connections.models import Connection
from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.web.edit_conflicts import Edit, parts_of
from workflows import catalog
from workflows.authoring import drafts, lifecycle, samples
from workflows.authoring.condition_rows import ConditionForm
from workflows.calls import lookups, pipeline
from workflows.catalog import ActionType
from workflows.conditions import possible_nulls
from workflows.expressions.filters.table import FILTERS
from workflows.formatting import summaries
from workflows.forms.step import StepForm
from workflows.models import Workflow
from workflows.pages.editor.views import SECTION, get_draft, why
from workflows.runs import step_inputs

_MOST_CONNECTIONS = 50
_ACTION, _REMOVED = "_action", "_removed"


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
    if drafts.step_of(workflow.draft, key) is None and request.method == "POST":
        return _form(request, workflow, _removed(request))
    return _form(request, workflow, get_step(workflow, key))


def _removed(request: HttpRequest) -> drafts.Definition:
    """The step to add anew if it was removed while its form was open. Raises Http404."""
    try:
        connection = str(uuid.UUID(request.POST.get("connection", "")))
    except ValueError:
        raise Http404 from None
    return {"connection": connection, "action": request.POST.get(_ACTION, "")[:80], "removed": True}


def get_step(workflow: Workflow, key: str) -> drafts.Definition:
    """Raises Http404."""
    step = drafts.step_of(workflow.draft, key)
    if step is None:
        raise Http404
    return step


def _kind(workflow: Workflow, step: drafts.Definition) -> tuple[Connection, ActionType, list[Connection]]:
    """The connection to show, the action, and every connection that the step can be on. Raises Http404.

    Where the step's own was revoked, another one is shown to begin with.
    """
    provider = step["action"].partition("/")[0]
    usable = list(_connections(workflow).filter(provider=provider).order_by("label")[:_MOST_CONNECTIONS])
    own = _connections(workflow).filter(provider=provider, pk=step["connection"]).first()
    if own is not None and own not in usable:
        usable.append(own)
    connection = own or (usable[0] if usable and step.get("key") else None)
    if connection is None:
        raise Http404
    try:
        return connection, pipeline.find(connection, step["action"]), usable
    except Problem:
        raise Http404 from None


def _before(workflow: Workflow, step: drafts.Definition) -> list[drafts.Definition]:
    """The steps whose results this one can use."""
    steps = workflow.draft["steps"]
    at = next((place for place, one in enumerate(steps) if one["key"] == step.get("key")), len(steps))
    return list(steps[:at])


def _form(request: HttpRequest, workflow: Workflow, step: drafts.Definition) -> HttpResponse:
    connection, action, usable = _kind(workflow, step)
    shown = {**step, "connection": str(connection.pk)}
    sources = samples.sources(workflow, _before(workflow, step))
    stored = ConditionForm(step.get("only_if", {}), sources, prefix="only-")
    edit = Edit(
        request,
        [*parts_of(_step_form(action, shown, None, usable)), stored.part("only-if", "Only if")]
        if step.get("key")
        else [],
    )
    data = edit.data
    form = _step_form(action, shown, data, usable)
    only_if = ConditionForm(step.get("only_if", {}), sources, data, prefix="only-")
    chosen = next(
        (one for one in usable if data is not None and str(one.pk) == data.get("connection")), connection
    )
    # Another connection has other services and people: they are shown before anything is stored.
    asks = data is not None and ("more" in data or data.get("shown") not in (None, str(chosen.pk)))
    asks = asks or (bool(step.get("removed")) and _REMOVED not in request.POST)
    if edit.may_store and not asks and _stored(request, workflow, step, form, only_if):
        return redirect("workflows:edit", workflow.pk)
    actor = actor_of(request)
    form.offer(lookups.asker(actor=actor, connection=chosen), chosen.default_from or actor.label)
    context = {
        "workflow": workflow,
        "connection": chosen,
        "action": action,
        "form": form,
        "only_if": only_if,
        "parts": form.parts(),
        "sources": sources,
        "filters": list(FILTERS.values()),
        "key": step.get("key", ""),
        "several": len(usable) > 1,
        "edit": edit,
        "removed": step.get("removed", False),
        "moved": data is not None and chosen != connection and "more" not in data,
    }
    wrong = data is not None and not asks
    return render(request, "editor/step.html", context | SECTION, status=edit.status(wrong))


def _step_form(action: ActionType, step: drafts.Definition, data: Any, usable: list[Connection]) -> StepForm:
    return StepForm(action, step, data, connections=[(str(one.pk), one.label) for one in usable])


def _stored(
    request: HttpRequest,
    workflow: Workflow,
    step: drafts.Definition,
    form: StepForm,
    only_if: ConditionForm,
) -> bool:
    """Store the input in the draft; return whether that succeeded. If not, the forms have the errors."""
    if form.is_valid():
        form.judge(_sample(workflow, step))
    if not (form.is_valid() and only_if.is_valid()):
        return False
    at = len(_before(workflow, step))

    def change(draft: drafts.Definition) -> drafts.Definition:
        made = form.step(key=step.get("key") or drafts.new_key(draft, form.cleaned_data["name"]))
        if only_if.conditions["rows"]:
            made["only_if"] = only_if.conditions
        if step.get("input") is not None:
            drafts.unchanged(draft, workflow.draft, "step", made["key"])
        return drafts.with_step(draft, made)

    try:
        lifecycle.edit(
            actor=actor_of(request),
            workflow=workflow,
            change=change,
            refuse=lambda detail: drafts.is_about_step(detail, at),
        )
    except (ValidationError, Problem) as problem:
        detail = problem.detail if isinstance(problem, ValidationError) else {}
        only_if.blame(drafts.faults_of_step(detail, at).get("only_if"))
        form.blame(detail, at, why(problem, change(workflow.draft)))
        return False
    return True


def _sample(workflow: Workflow, step: drafts.Definition) -> dict[str, Any]:
    return {**samples.of_trigger(workflow.trigger), "steps": samples.outputs(_before(workflow, step))}


@member
@never_cache
@require_POST
def preview(
    request: HttpRequest, workflow_id: uuid.UUID, connection_id: uuid.UUID, provider: str, action: str
) -> HttpResponse:
    """The preview of the form's input on the sample, as a part of its page. key: the step."""
    workflow = get_draft(request, workflow_id)
    step = {
        "connection": str(connection_id),
        "action": f"{provider}/{action}",
        "key": request.POST.get("key", ""),
    }
    _, kind, usable = _kind(workflow, step)
    form = _step_form(kind, step, request.POST, usable)
    form.is_valid()
    prepared = step_inputs.prepare(kind.key, form.input, _sample(workflow, step))
    entered = [(name, said) for name, said in prepared.sentences() if name in form.input]
    context = {
        "given": summaries.of_input(catalog.input_schema(kind.key), prepared.given),
        "faults": _named(form, entered),
        "warnings": _named(form, _possible_nulls(workflow, step, form, prepared.faults)),
    }
    return render(request, "editor/_preview.html", context)


def _possible_nulls(
    workflow: Workflow, step: drafts.Definition, form: StepForm, faults: Collection[str]
) -> list[tuple[str, str]]:
    earlier = {one["key"]: one["action"] for one in _before(workflow, step)}
    stored = drafts.step_of(workflow.draft, step["key"]) or {}
    asked = [workflow.draft.get("conditions"), stored.get("only_if")]
    found = possible_nulls.of_step(workflow.trigger.key, {"input": form.input}, earlier, asked)
    return [(name, said) for name, said in found.items() if name not in faults]


def _named(form: StepForm, faults: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(str(form.fields[f"in-{name}"].label), what) for name, what in faults]
