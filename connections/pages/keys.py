"""Settings → API keys: other software's way into a workspace, for the agency's owner and admins."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from connections.accounts import api_keys
from connections.models import ApiKey
from connections.web.access import here, needs
from connections.web.actor_of_request import actor_of
from connections.web.current_scope import workspaces_of
from connections.web.forms import KeyForm
from core.errors import Problem
from core.web import form_tokens
from core.web.pagination import page_of

_SECTION = {"section": "keys"}


@needs("keys:manage")
@require_GET
def key_list(request: HttpRequest) -> HttpResponse:
    """Every key of the place, newest first."""
    keys = ApiKey.objects.at(here(request)).select_related("workspace", "created_by")
    context = {"page": page_of(request, keys), "list_url": request.path} | _SECTION
    return render(request, "connections/keys.html", context)


@needs("keys:manage")
@never_cache
@require_http_methods(["GET", "POST"])
def add_key(request: HttpRequest) -> HttpResponse:
    """Make a key; the answer to the form is the only page that ever shows it."""
    sent = request.POST if request.method == "POST" else None
    once = form_tokens.key_in(request.GET if sent is None else sent)
    if sent is None and not once:
        return form_tokens.to_form(request)
    form = KeyForm(
        sent,
        workspaces=workspaces_of(request),
        initial={"workspace": here(request).workspace},
    )
    if sent is not None and not once:
        form.add_error(None, form_tokens.INCOMPLETE)
    if form.is_valid():
        return _made(request, once, form.cleaned_data)
    context = {"form": form, "once": once or form_tokens.new_key()} | _SECTION
    return render(request, "connections/key_add.html", context, status=400 if form.errors else 200)


def _made(request: HttpRequest, once: str, data: dict[str, Any]) -> HttpResponse:
    try:
        key, whole = api_keys.create_once(
            actor=actor_of(request),
            form_key=once,
            workspace=data["workspace"],
            name=data["name"],
            scopes=data["scopes"],
            expires_at=data["expires_at"],
        )
    except Problem as problem:
        messages.warning(request, problem.message)
        return redirect("connections:keys")
    return render(request, "connections/key_made.html", {"key": key, "whole": whole} | _SECTION)


@needs("keys:manage")
@require_http_methods(["GET", "POST"])
def revoke_key(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    """Ask first, then revoke."""
    keys = ApiKey.objects.filter(workspace__account=here(request).account)
    key = keys.select_related("workspace__account").filter(pk=key_id).first()
    if key is None:
        raise Http404
    if request.method == "GET":
        return render(request, "connections/key_revoke.html", {"key": key} | _SECTION)
    api_keys.revoke_key(actor=actor_of(request), key=key)
    messages.success(request, f"{key.name} revoked.")
    return redirect("connections:keys")
