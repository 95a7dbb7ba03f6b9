"""Hooks: the list, making one, and a hook's own page."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from connections.web.access import here, member
from connections.web.actor_of_request import actor_of
from connections.web.current_scope import Place, workspaces_of
from core.db import clock
from core.errors import Problem
from core.web import form_tokens
from core.web.pagination import page_of
from workflows.models import Hook, Trigger
from workflows.outgoing import endpoints
from workflows.outgoing.log import lines_of
from workflows.pages.outgoing.forms import HookForm

SECTION = {"section": "hooks"}
_LATEST = 10


def get_hook(request: HttpRequest, hook_id: uuid.UUID) -> Hook:
    """The visible hook; a foreign or deleted one is not there."""
    rows = Hook.objects.visible_to(actor_of(request)).filter(pk=hook_id, deleted_at__isnull=True)
    hook = rows.select_related("workspace__account", "trigger", "created_by").first()
    if hook is None:
        raise Http404
    return hook


def triggers_at(place: Place, workspace_id: uuid.UUID | None = None) -> QuerySet[Trigger]:
    """The triggers that an endpoint may be limited to: live ones of the scope, or of one workspace."""
    rows = Trigger.objects.filter(deleted_at__isnull=True)
    rows = rows.filter(workspace=workspace_id) if workspace_id else rows.at(place)
    return rows.select_related("workspace").order_by("name", "id")


def add_problem(form: forms.Form, problem: Problem) -> None:
    """Put a refusal beside the fields it names, or above the form."""
    named = {name: words for name, words in (problem.fields or {}).items() if name in form.fields}
    for name, words in named.items():
        form.add_error(name, words)
    if not named:
        form.add_error(None, problem.message)


@member
@require_GET
def hook_list(request: HttpRequest) -> HttpResponse:
    """The hooks of the place, newest first."""
    rows = Hook.objects.at(here(request)).filter(deleted_at__isnull=True)
    page = page_of(request, rows.select_related("workspace", "trigger"))
    return render(request, "hooks/list.html", {"page": page, "list_url": request.path} | SECTION)


@member
@never_cache
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Make a hook; the answer to the form is the only page that ever shows its secret."""
    sent = request.POST if request.method == "POST" else None
    once = form_tokens.key_in(request.GET if sent is None else sent)
    if sent is None and not once:
        return form_tokens.to_form(request)
    place = here(request)
    form = HookForm(
        sent,
        triggers=triggers_at(place),
        workspaces=workspaces_of(request),
        initial={"workspace": place.workspace},
    )
    if sent is not None and not once:
        form.add_error(None, form_tokens.INCOMPLETE)
    if form.is_valid():
        try:
            hook, secret = endpoints.create(actor=actor_of(request), form_key=once, **form.cleaned_data)
        except Problem as problem:
            if problem.code == "sent_before":
                messages.warning(request, problem.message)
                return redirect("hooks:list")
            add_problem(form, problem)
        else:
            return render(request, "hooks/secret.html", {"hook": hook, "whole": secret} | SECTION)
    context = {"form": form, "once": once or form_tokens.new_key()} | SECTION
    return render(request, "hooks/add.html", context, status=400 if form.errors else 200)


@member
@never_cache
@require_GET
def detail(request: HttpRequest, hook_id: uuid.UUID) -> HttpResponse:
    hook = get_hook(request, hook_id)
    now = clock.now()
    secrets = hook.secrets.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
    latest = list(hook.deliveries.select_related("event", "run").defer("event__body")[: _LATEST + 1])
    context: dict[str, Any] = {
        "hook": hook,
        "secrets": secrets.defer("secret"),
        "lines": lines_of(latest[:_LATEST]),
        "more": len(latest) > _LATEST,
        "dead": hook.deliveries.filter(status="dead").exclude(kind="test").exists(),
    }
    return render(request, "hooks/detail.html", context | SECTION)
