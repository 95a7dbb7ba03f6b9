"""The switcher, and Settings → Workspaces."""

import uuid

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.connecting import rename as naming
from connections.extension_points import health
from connections.grants import registry
from connections.models import Connection
from connections.web.access import here, member, needs
from connections.web.actor_of_request import actor_of
from connections.web.current_scope import choose, workspaces_of
from connections.web.forms import NameForm
from core.errors import Problem
from core.text.search import search
from core.web.edit_conflicts import Edit, parts_of
from core.web.pagination import page_of

_SECTION = {"section": "workspaces"}


@member
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Look at another workspace, or at all of an agency, and go back to the list that was open."""
    if not choose(request, request.POST.get("place", "")):
        raise Http404
    onwards = request.POST.get("next", "/")
    inside = url_has_allowed_host_and_scheme(onwards, allowed_hosts=None) and onwards.startswith("/")
    return redirect(onwards if inside else "/")


@member
@require_GET
def workspace_list(request: HttpRequest) -> HttpResponse:
    """Every workspace of the agency with how many connections it has, and its health."""
    live = ~Q(connections__status=Connection.Status.REVOKED)
    text = request.GET.get("q", "").replace("\0", "").strip()[:120]
    rows = workspaces_of(request).annotate(live=Count("connections", filter=live))
    if text:
        rows = rows.filter(search("name", text))
    page = page_of(request, rows)
    context = {
        "page": page,
        "lines": health.beside(page.rows),
        "text": text,
        "asked": bool(text),
        "providers": registry.with_own_apps(),
    }
    context |= _SECTION
    return render(request, "connections/workspaces.html", context)


@needs("workspaces:manage")
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """A new client: from then on the person looks at it."""
    form = NameForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            workspace = naming.add_workspace(
                actor=actor_of(request), account=here(request).account, name=form.cleaned_data["name"]
            )
        except Problem as problem:
            form.add_error("name", problem.message)
        else:
            choose(request, f"workspace:{workspace.pk}")
            only = registry.only()
            account = f"{only.name} account" if only else "account"
            messages.success(request, f"{workspace.name} created. Next: connect the client’s {account}.")
            return redirect("connections:list")
    context = {"form": form, "title": "New workspace", "button": "Create workspace"} | _SECTION
    return render(request, "connections/name.html", context, status=400 if form.errors else 200)


@needs("workspaces:manage")
@require_http_methods(["GET", "POST"])
def rename(request: HttpRequest, workspace_id: uuid.UUID) -> HttpResponse:
    workspace = workspaces_of(request).select_related("account").filter(pk=workspace_id).first()
    if workspace is None:
        raise Http404
    edit = Edit(request, parts_of(NameForm(initial={"name": workspace.name})))
    form = NameForm(edit.data, initial={"name": workspace.name})
    if edit.may_store and form.is_valid():
        try:
            naming.rename_workspace(
                actor=actor_of(request), workspace=workspace, name=form.cleaned_data["name"]
            )
        except Problem as problem:
            form.add_error("name", problem.message)
        else:
            return redirect("connections:workspaces")
    context = {"form": form, "edit": edit, "title": f"Rename {workspace.name}", "button": "Rename"} | _SECTION
    return render(request, "connections/name.html", context, status=edit.status(form.errors))


@needs("workspaces:manage")
@require_http_methods(["GET", "POST"])
def rename_agency(request: HttpRequest) -> HttpResponse:
    account = here(request).account
    edit = Edit(request, parts_of(NameForm(initial={"name": account.name})))
    form = NameForm(edit.data, initial={"name": account.name})
    if edit.may_store and form.is_valid():
        naming.rename_account(actor=actor_of(request), account=account, name=form.cleaned_data["name"])
        return redirect("connections:workspaces")
    context = {"form": form, "edit": edit, "title": "Agency settings", "button": "Rename"} | _SECTION
    return render(request, "connections/name.html", context, status=edit.status(form.errors))
