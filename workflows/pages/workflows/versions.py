"""The versions of a workflow: the list, what differs between two, going back to one, a copy of the workflow."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from rest_framework.serializers import ValidationError

from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.web.pagination import page_of
from workflows.authoring import diff, drafts, versions
from workflows.models import Workflow, WorkflowVersion
from workflows.pages.editor.views import as_seen, why
from workflows.pages.workflows.made_once import made_once
from workflows.pages.workflows.views import SECTION, get_workflow

_PAGE = 25
_DRAFT = "draft"


def _version(workflow: Workflow, number: int) -> WorkflowVersion:
    """Raises Http404."""
    found = workflow.versions.select_related("published_by").filter(number=number).first()
    if found is None:
        raise Http404
    return found


@member
@never_cache
@require_GET
def version_list(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    """Newest first, each with a way to what differs and back to it."""
    workflow = get_workflow(request, workflow_id)
    page = page_of(request, workflow.versions.select_related("published_by"), _PAGE)
    context = {
        "workflow": workflow,
        "page": page,
        "changed": workflow.live is not None and workflow.draft != workflow.live.definition,
        "archived": workflow.status == Workflow.Status.ARCHIVED,
        "list_url": request.path,
    }
    return render(request, "workflows/versions.html", context | SECTION)


@member
@never_cache
@require_GET
def difference(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    """The differences from `?from=` to `?to=`: version numbers, or draft; by default from published to draft."""
    workflow = get_workflow(request, workflow_id)
    old, new = _asked(request, workflow, "from"), _asked(request, workflow, "to")
    context = {
        "workflow": workflow,
        "old": _called(old),
        "new": _called(new),
        "differences": _compare(workflow, old, new),
    }
    return render(request, "workflows/difference.html", context | SECTION)


def _asked(request: HttpRequest, workflow: Workflow, name: str) -> WorkflowVersion | None:
    """The version that is asked for; None for the draft. Raises Http404."""
    text = request.GET.get(name, _DRAFT)
    if name not in request.GET and name == "from":
        return workflow.live
    if text == _DRAFT:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise Http404
    return _version(workflow, int(text))


def _called(version: WorkflowVersion | None) -> str:
    return f"version {version.number}" if version else "the draft"


def _compare(
    workflow: Workflow, old: WorkflowVersion | None, new: WorkflowVersion | None
) -> list[diff.Difference]:
    """None stands for the draft."""
    before, after = (one.definition if one else workflow.draft for one in (old, new))
    labels = diff.labels(workflow, before, after)
    return diff.between(before, after, labels, trigger=workflow.trigger.key)


@member
@never_cache
@require_http_methods(["GET", "POST"])
def roll_back(request: HttpRequest, workflow_id: uuid.UUID, number: int) -> HttpResponse:
    """Say what would change and ask; then publish it again. What cannot be published can go into the draft."""
    workflow = get_workflow(request, workflow_id)
    if workflow.status == Workflow.Status.ARCHIVED:
        raise Http404
    version = _version(workflow, number)
    refused = ""
    if request.method == "POST" and (changed := _changed(request, workflow, number)):
        return changed
    if request.method == "POST":
        try:
            made = versions.roll_back(actor=actor_of(request), workflow=workflow, version=version)
        except (ValidationError, Problem) as problem:
            refused = why(problem, version.definition)
        else:
            messages.success(request, f"Version {made.number} published (restored from version {number}).")
            return redirect("workflows:detail", workflow.pk)
    context: dict[str, Any] = {
        "workflow": workflow,
        "version": version,
        "refused": refused,
        "digest": drafts.digest(workflow.draft),
        "loses_draft": workflow.live is not None and workflow.draft != workflow.live.definition,
        "differences": _compare(workflow, workflow.live, version),
    }
    return render(request, "workflows/roll_back.html", context | SECTION, status=409 if refused else 200)


def _changed(request: HttpRequest, workflow: Workflow, number: int) -> HttpResponse | None:
    """Back to the question, where the draft that would be overwritten is not the one that it showed."""
    try:
        as_seen(request, workflow.draft)
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("workflows:roll_back", workflow.pk, number)
    return None


@member
@require_POST
def take_into_draft(request: HttpRequest, workflow_id: uuid.UUID, number: int) -> HttpResponse:
    workflow = get_workflow(request, workflow_id)
    if workflow.status == Workflow.Status.ARCHIVED:
        raise Http404
    version = _version(workflow, number)
    if changed := _changed(request, workflow, number):
        return changed
    versions.take_into_draft(actor=actor_of(request), workflow=workflow, version=version)
    messages.success(request, f"Draft restored from version {number}. The live version isn’t affected.")
    return redirect("workflows:edit", workflow.pk)


@member
@require_POST
def duplicate(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    workflow = get_workflow(request, workflow_id)
    copy = made_once(request, lambda: versions.duplicate(actor=actor_of(request), workflow=workflow))
    messages.success(request, "Duplicated as a draft.")
    return redirect("workflows:edit", copy.pk)
