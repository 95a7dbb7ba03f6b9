"""Settings → Workspaces → a client's own app: entering it, and going back to this server's."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from connections.grants import oauth_apps, registry
from connections.grants.registry import OAuthProvider
from connections.models import Workspace
from connections.pages.connecting.provider_choice import choose, chosen
from connections.web.access import needs
from connections.web.actor_of_request import actor_of
from connections.web.current_scope import workspaces_of
from connections.web.forms import OAuthAppForm

_SECTION = {"section": "workspaces"}


def _workspace(request: HttpRequest, workspace_id: uuid.UUID) -> Workspace:
    """Raises Http404."""
    workspace = workspaces_of(request).select_related("account").filter(pk=workspace_id).first()
    if workspace is None:
        raise Http404
    return workspace


@needs("workspaces:manage")
@never_cache
@require_http_methods(["GET", "POST"])
def own_app(request: HttpRequest, workspace_id: uuid.UUID) -> HttpResponse:
    """The page of a workspace's own OAuth app: its purpose, the one in use, and the form to enter one."""
    workspace, offered = _workspace(request, workspace_id), registry.with_own_apps()
    provider = chosen(request, offered)
    if provider is None:
        return choose(request, offered, title=f"App of {workspace.name}", section="workspaces")
    form = OAuthAppForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        oauth_apps.store(
            actor=actor_of(request), workspace=workspace, provider=provider.key, **form.cleaned_data
        )
        messages.success(request, f"New authorizations for {workspace.name} use this app.")
        return _back(workspace, provider)
    context = {
        "workspace": workspace,
        "provider": provider,
        "app": oauth_apps.in_use(workspace, provider.key),
        "form": form,
    }
    return render(request, "connections/own_app.html", context | _SECTION, status=400 if form.errors else 200)


@needs("workspaces:manage")
@require_http_methods(["GET", "POST"])
def stop_own_app(request: HttpRequest, workspace_id: uuid.UUID) -> HttpResponse:
    """Ask first, then let new consents go through this server's app."""
    workspace, provider = _workspace(request, workspace_id), chosen(request, registry.with_own_apps())
    app = oauth_apps.in_use(workspace, provider.key) if provider else None
    if app is None or provider is None:
        raise Http404
    if request.method == "GET":
        context = {"workspace": workspace, "provider": provider, "app": app}
        return render(request, "connections/own_app_stop.html", context | _SECTION)
    oauth_apps.retire(actor=actor_of(request), app=app)
    messages.success(request, f"{workspace.name} now uses this server’s app.")
    return _back(workspace, provider)


def _back(workspace: Workspace, provider: OAuthProvider) -> HttpResponse:
    return redirect(f"{reverse('connections:own_app', args=[workspace.pk])}?provider={provider.key}")
