"""Workflows: the list, one with what it does in words and its runs, pausing and archiving."""

import uuid
from typing import Any

from django.db.models import QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from connections.extension_points import health
from connections.models import Connection
from connections.web.access import here, member
from connections.web.actor_of_request import actor_of
from core.db.latest_per_group import newest_of
from core.text.search import search
from core.web import form_tokens
from core.web.actions import perform
from core.web.pagination import page_of
from workflows.authoring import descriptions, lifecycle
from workflows.formatting import field_names
from workflows.models import Run, Workflow
from workflows.pages.runs.views import lines_of

SECTION = {"section": "workflows"}
_LATEST = 10
_SAID = {
    Workflow.Status.ACTIVE: "Resumed.",
    Workflow.Status.PAUSED: "Paused. In-progress runs continue.",
    Workflow.Status.ARCHIVED: "Archived. Run history is kept.",
}


@member
@never_cache
@require_GET
def workflow_list(request: HttpRequest) -> HttpResponse:
    """Newest first; `?status=` and `?q=` narrow it. Archived ones are shown when they are asked for."""
    rows: QuerySet[Workflow] = Workflow.objects.at(here(request))
    status, text = request.GET.get("status", ""), request.GET.get("q", "").replace("\0", "").strip()[:120]
    status = status if status in Workflow.Status.values else ""
    rows = rows.filter(status=status) if status else rows.exclude(status=Workflow.Status.ARCHIVED)
    if text:
        rows = rows.filter(search("name", text))
    newest = newest_of(Run.objects.real(), "workflow_id").values("created_at")[:1]
    rows = rows.select_related("workspace", "trigger", "live").annotate(last_run=Subquery(newest))
    page = page_of(request, rows.order_by("-created_at", "id"))
    context = {
        "page": page,
        "lines": health.beside(page.rows),
        "statuses": Workflow.Status.choices,
        "status": status,
        "text": text,
        "asked": bool(status or text),
        "list_url": request.path,
    }
    return render(request, "workflows/list.html", context | SECTION)


def get_workflow(request: HttpRequest, workflow_id: uuid.UUID) -> Workflow:
    rows = Workflow.objects.visible_to(actor_of(request)).filter(pk=workflow_id)
    workflow = rows.select_related("workspace__account", "trigger__connection", "live__published_by").first()
    if workflow is None:
        raise Http404
    return workflow


@member
@never_cache
@require_GET
def detail(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    """The published version, or the draft if there is none."""
    workflow = get_workflow(request, workflow_id)
    definition: dict[str, Any] = workflow.live.definition if workflow.live else workflow.draft
    used = {step.get("connection") for step in definition.get("steps", [])}
    connections = Connection.objects.filter(workspace=workflow.workspace_id, pk__in=used)
    related = ("workflow", "event__trigger__connection", "blocked_on")
    runs = workflow.runs.select_related(*related).defer("tested").order_by("-seq")
    names = field_names.of_definition(workflow.trigger.key, definition)
    context = {
        "workflow": workflow,
        "conditions": descriptions.conditions(definition, names),
        "how_many": descriptions.how_many(definition.get("conditions")),
        "steps": descriptions.steps(definition, {str(row.pk): row for row in connections}, names),
        "health": health.of(workflow),
        "changed": workflow.live is not None and workflow.draft != workflow.live.definition,
        "rows": lines_of(runs[:_LATEST]),
        "once": form_tokens.new_key(),
    }
    return render(request, "workflows/detail.html", context | SECTION)


@member
@require_POST
def set_status(request: HttpRequest, workflow_id: uuid.UUID, status: str) -> HttpResponse:
    """status: active, paused or archived."""
    workflow = get_workflow(request, workflow_id)
    perform(
        request,
        lambda: lifecycle.set_status(actor=actor_of(request), workflow=workflow, status=status),
        _SAID[Workflow.Status(status)],
    )
    return redirect("workflows:detail", workflow.pk)
