"""The editor of workflows: the draft, its conditions, a rehearsal, publishing. Steps: see editor_steps."""

import uuid

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from rest_framework.serializers import ValidationError

from connections.extension_points import health
from connections.models import Connection
from connections.web.access import member
from connections.web.actor_of_request import actor_of
from connections.web.forms import Line
from core.errors import Problem
from core.web.edit_conflicts import Edit, parts_of
from workflows.authoring import descriptions, drafts, dry_run, lifecycle, samples, validation
from workflows.authoring.condition_rows import ConditionForm
from workflows.conditions import possible_nulls
from workflows.formatting import field_names
from workflows.models import Event, Workflow
from workflows.models.workflows import FASTEST_PACE

SECTION = {"section": "workflows"}
DRAFT = "_draft"


class SettingsForm(forms.Form):
    """The settings outside the draft, which apply at once."""

    name = Line(max_length=120, label="Name")
    max_runs_per_minute = forms.IntegerField(
        min_value=1,
        max_value=FASTEST_PACE,
        required=False,
        label="Safety limit (runs a minute)",
        help_text="The workflow is paused above this rate. Its runs are queued until you resume it.",
    )


def get_draft(request: HttpRequest, workflow_id: uuid.UUID) -> Workflow:
    """The visible workflow with its trigger; an archived one is not edited. Raises Http404."""
    rows = Workflow.objects.visible_to(actor_of(request)).exclude(status=Workflow.Status.ARCHIVED)
    related = rows.select_related("workspace__account", "trigger__connection", "trigger__workspace", "live")
    workflow = related.filter(pk=workflow_id).first()
    if workflow is None:
        raise Http404
    return workflow


def as_seen(request: HttpRequest, draft: drafts.Definition) -> drafts.Definition:
    """`draft`, if it is the one that the form was shown with. Raises Problem (edited_meanwhile)."""
    if request.POST.get(DRAFT, drafts.digest(draft)) != drafts.digest(draft):
        raise Problem(
            "edited_meanwhile",
            "The draft was changed since this page was opened, so nothing was done. "
            "Look at it as it is now, and do it again.",
            status=409,
        )
    return draft


def why(problem: ValidationError | Problem, draft: drafts.Definition) -> str:
    """The faults of the draft, as sentences."""
    return (
        problem.message
        if isinstance(problem, Problem)
        else " ".join(descriptions.faults(problem.detail, draft))
    )


@member
@never_cache
@require_GET
def edit(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    """The draft with everything that can be done to it."""
    workflow = get_draft(request, workflow_id)
    used = {step["connection"] for step in workflow.draft["steps"]}
    connections = {
        str(row.pk): row for row in Connection.objects.filter(workspace=workflow.workspace_id, pk__in=used)
    }
    names = field_names.of_definition(workflow.trigger.key, workflow.draft)
    nulls = possible_nulls.of_definition(workflow.trigger.key, workflow.draft)
    context = {
        "workflow": workflow,
        "health": health.of(workflow),
        "digest": drafts.digest(workflow.draft),
        "conditions": descriptions.conditions(workflow.draft, names),
        "how_many": descriptions.how_many(workflow.draft["conditions"]),
        "steps": descriptions.steps(workflow.draft, connections, names, nulls),
        "changed": workflow.live is None or workflow.draft != workflow.live.definition,
        "faults": _faults(request, workflow),
        "full": len(workflow.draft["steps"]) >= validation.MAX_STEPS,
    }
    return render(request, "editor/edit.html", context | SECTION)


def _faults(request: HttpRequest, workflow: Workflow) -> list[str]:
    try:
        detail = lifecycle.faults_of(actor=actor_of(request), workflow=workflow)
    except Problem as problem:
        return [problem.message]
    return descriptions.faults(detail, workflow.draft) if detail else []


@member
@require_http_methods(["GET", "POST"])
def rename(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    workflow = get_draft(request, workflow_id)
    present = {"name": workflow.name, "max_runs_per_minute": workflow.max_runs_per_minute}
    edit = Edit(request, parts_of(SettingsForm(initial=present)))
    form = SettingsForm(edit.data, initial=present)
    if edit.may_store and form.is_valid():
        actor, limit = actor_of(request), form.cleaned_data["max_runs_per_minute"]
        with transaction.atomic():
            lifecycle.change(actor=actor, workflow=workflow, name=form.cleaned_data["name"])
            if limit and limit != workflow.max_runs_per_minute:
                lifecycle.set_pace(actor=actor, workflow=workflow, max_runs_per_minute=limit)
        return redirect("workflows:edit", workflow.pk)
    context = {"form": form, "workflow": workflow, "edit": edit}
    return render(request, "editor/rename.html", context | SECTION, status=edit.status(form.errors))


@member
@require_http_methods(["GET", "POST"])
def conditions(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    """Rows of field, operator and value; “Another row” keeps what was entered so far."""
    workflow = get_draft(request, workflow_id)
    stored, sources = workflow.draft["conditions"], samples.sources(workflow, [])
    edit = Edit(request, [ConditionForm(stored, sources).part("conditions", "Conditions")])
    data = edit.data
    form = ConditionForm(stored, sources, data)
    if edit.may_store and data is not None and "more" not in data and form.is_valid():
        try:
            lifecycle.edit(
                actor=actor_of(request),
                workflow=workflow,
                change=lambda draft: drafts.with_conditions(
                    drafts.unchanged(draft, workflow.draft, "conditions"), form.conditions
                ),
                refuse=lambda detail: not isinstance(detail, dict) or "conditions" in detail,
            )
        except Problem as problem:
            messages.error(request, problem.message)
        except ValidationError as problem:
            if not (isinstance(problem.detail, dict) and form.blame(problem.detail.get("conditions"))):
                messages.error(request, why(problem, workflow.draft))
        else:
            messages.success(request, "The conditions are stored in the draft.")
            return redirect("workflows:edit", workflow.pk)
    wrong = data is not None and "more" not in data
    context = {"form": form, "workflow": workflow, "edit": edit}
    return render(request, "editor/conditions.html", context | SECTION, status=edit.status(wrong))


@member
@never_cache
@require_GET
def rehearse(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    """The draft on the documented event, or on one that arrived (`?event=`): nothing leaves."""
    workflow = get_draft(request, workflow_id)
    events = samples.recent(workflow.trigger)
    event = sample_of(request, events)
    context = {
        "workflow": workflow,
        "events": descriptions.events(events),
        "event": event,
        "rehearsal": dry_run.rehearse(workflow, event),
    }
    return render(request, "editor/rehearsal.html", context | SECTION)


def sample_of(request: HttpRequest, events: list[Event]) -> Event | None:
    """The event of `events` that `?event=` names; None for the documented sample."""
    asked = request.GET.get("event", "")
    return next((event for event in events if str(event.id) == asked), None)


@member
@require_POST
def publish(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    workflow = get_draft(request, workflow_id)
    try:
        as_seen(request, workflow.draft)
        version = lifecycle.publish(actor=actor_of(request), workflow=workflow)
    except (ValidationError, Problem) as problem:
        messages.error(request, f"Not published. {why(problem, workflow.draft)}")
        return redirect("workflows:edit", workflow.pk)
    messages.success(request, f"Version {version.number} is published: events from now on start it.")
    return redirect("workflows:detail", workflow.pk)
