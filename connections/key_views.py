"""Settings → API keys: other software's way into a workspace, for the agency's owner and admins."""

import uuid
from collections.abc import Sequence

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from connections import api_keys
from connections.forms import KeyForm
from connections.models import ApiKey, Workspace
from connections.requests import actor_of

_PAGE = 50
_SCOPE = "keys:manage"


def _workspaces(request: HttpRequest) -> Sequence[Workspace]:
    """Those whose keys the person may manage. Raises PermissionDenied when there are none."""
    actor = actor_of(request)
    accounts = [account for account in actor.roles if actor.may(_SCOPE, account)]
    if not accounts:
        raise PermissionDenied
    return list(Workspace.objects.filter(account__in=accounts).order_by("name"))


@login_required
@require_GET
def key_list(request: HttpRequest) -> HttpResponse:
    """Every key of those workspaces, newest first."""
    keys = ApiKey.objects.filter(workspace__in=_workspaces(request)).select_related("workspace", "created_by")
    page = Paginator(keys, _PAGE).get_page(request.GET.get("page"))
    return render(request, "connections/keys.html", {"page": page})


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def add_key(request: HttpRequest) -> HttpResponse:
    """Make a key; the answer to the form is the only page that ever shows it."""
    form = KeyForm(request.POST or None, workspaces=_workspaces(request))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        key, whole = api_keys.create_key(
            actor=actor_of(request),
            workspace=data["workspace"],
            name=data["name"],
            scopes=data["scopes"],
            expires_at=data["expires_at"],
        )
        return render(request, "connections/key_made.html", {"key": key, "whole": whole})
    return render(request, "connections/key_add.html", {"form": form}, status=400 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def revoke_key(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    """Ask first, then revoke."""
    keys = ApiKey.objects.filter(workspace__in=_workspaces(request)).select_related("workspace__account")
    key = keys.filter(pk=key_id).first()
    if key is None:
        raise Http404
    if request.method == "GET":
        return render(request, "connections/key_revoke.html", {"key": key})
    api_keys.revoke_key(actor=actor_of(request), key=key)
    messages.success(request, f"{key.name} is revoked.")
    return redirect("connections:keys")
