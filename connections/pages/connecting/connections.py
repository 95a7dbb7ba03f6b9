"""Settings → Connections: the list, adding one, and what can be done with each."""

import uuid
from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections import audit
from connections.connecting import client_links, health_check
from connections.connecting.rename import change_connection
from connections.connecting.start import start
from connections.extension_points import health, panels
from connections.grants import consent_expiry, oauth_apps, registry
from connections.grants.registry import OAuthProvider
from connections.models import Connection
from connections.pages.connecting.provider_choice import choose, chosen
from connections.web.access import here, member
from connections.web.actor_of_request import actor_of
from connections.web.current_scope import workspaces_of
from connections.web.forms import ConnectForm, ConnectionForm, ReconnectForm, optional_of
from connections.web.typed_values import searched
from core.errors import Problem, sentence_of
from core.request_slots import busy, provider_slot
from core.text.search import search
from core.web.edit_conflicts import Edit, parts_of
from core.web.pagination import page_of

SECTION = {"section": "connections"}
_HISTORY = 10
_MAY_NEED_LINK = (Connection.Status.PENDING, Connection.Status.ERROR)


def get_connection(request: HttpRequest, connection_id: uuid.UUID) -> Connection:
    """The visible connection; a foreign one is not there. Raises Http404."""
    related = ("workspace__account", "authorised_by", "grant__oauth_app")
    rows = Connection.objects.visible_to(actor_of(request)).select_related(*related)
    found = rows.filter(pk=connection_id).first()
    if found is None:
        raise Http404
    return found


@member
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    return redirect("connections:list")


@member
@require_GET
def connection_list(request: HttpRequest) -> HttpResponse:
    """The connections of the place, newest first; `?status=` and `?q=` narrow them."""
    rows = Connection.objects.at(here(request)).select_related("workspace", "authorised_by", "grant")
    status, text = request.GET.get("status", ""), request.GET.get("q", "").replace("\0", "").strip()[:120]
    if status in Connection.Status.values:
        rows = rows.filter(status=status)
    if text:
        found = search("label", text)
        for provider in registry.known():
            if account := searched(provider, text):
                found |= Q(provider=provider.key, external_account_name__iexact=account)
        rows = rows.filter(found)
    page = page_of(request, rows)
    context = {
        "page": page,
        "lines": health.beside(page.rows),
        "provider": registry.only(),
        "statuses": Connection.Status.choices,
        "status": status,
        "text": text,
        "asked": bool(status or text),
        "list_url": request.path,
    }
    return render(request, "connections/list.html", context | SECTION)


@member
@require_http_methods(["GET", "POST"])
def connect(request: HttpRequest) -> HttpResponseBase:
    """Add a connection: say what will be asked for, then go to the provider's consent page."""
    provider = chosen(request, registry.known())
    if provider is None:
        return choose(request, registry.known(), title="Add connection", section="connections")
    form = ConnectForm(
        request.POST or None,
        provider=provider,
        workspaces=workspaces_of(request),
        initial={"workspace": here(request).workspace},
    )
    if request.method == "POST" and form.is_valid():
        try:
            connection = _pending(request, form)
        except IntegrityError:
            form.add_error("label", "A connection with this label already exists.")
        else:
            return start(request, connection, optional=optional_of(form.cleaned_data, provider))
    context = {"form": form, **_asked(request, provider)} | SECTION
    return render(request, "connections/connect.html", context, status=400 if form.errors else 200)


def _asked(request: HttpRequest, provider: OAuthProvider) -> dict[str, Any]:
    """The scopes that the consent will request for the chosen workspace, and what has to be done before it."""
    workspace = here(request).workspace
    own_app = workspace is not None and oauth_apps.in_use(workspace, provider.key) is not None
    asked = provider.asks(own_app=own_app, optional=())
    # A provider whose scopes include them all anyway is asked for no more.
    more = provider.asks(own_app=own_app, optional=[one.key for one in provider.optional]).keys() - asked
    return {
        "provider": provider,
        "asked": asked,
        "more": [one for one in provider.optional if one.scopes.keys() & more],
        "install_url": "" if own_app else provider.install_url(),
    }


def _pending(request: HttpRequest, form: ConnectForm) -> Connection:
    """A new pending connection, or the one an earlier attempt left. Raises IntegrityError for a label in use."""
    data = form.cleaned_data
    with transaction.atomic():
        left = Connection.objects.filter(
            workspace=data["workspace"],
            provider=data["provider"],
            label=data["label"],
            status=Connection.Status.PENDING,
        ).first()
        if left is not None:
            return left
        connection = Connection.objects.create(
            workspace=data["workspace"], provider=data["provider"], label=data["label"]
        )
        audit.record(actor_of(request), "connection.started", connection=connection)
        return connection


@member
@never_cache
@require_GET
def detail(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    connection = get_connection(request, connection_id)
    provider = registry.get(connection.provider)
    grant = getattr(connection, "grant", None)
    missing = provider.missing_scopes(grant.scopes_granted) if grant else []
    scopes = [(scope, words, scope not in missing) for scope, words in provider.scopes.items() if grant]
    asked_more = provider.optional_in(grant.scopes_asked) if grant else []
    for permission in provider.optional:
        if grant is not None and permission.key in asked_more:
            of_it = permission.scopes.items()
            scopes += [(scope, words, scope in grant.scopes_granted) for scope, words in of_it]
    link = client_links.latest(connection) if connection.status in _MAY_NEED_LINK else None
    context = {
        "connection": connection,
        "grant": grant,
        "provider": provider,
        "scopes": scopes,
        "missing": missing,
        "not_asked": [one for one in provider.optional if one.key not in asked_more],
        "ends_soon": grant is not None and consent_expiry.ends_soon(grant.consent_ends_at),
        "health": health.of(connection),
        "audit_events": connection.audit_events.exclude(action="action.called")[:_HISTORY],
        "link": link,
        "steps": client_links.progress(link) if link else [],
        "panels": panels.of(actor_of(request), connection),
    }
    return render(request, "connections/detail.html", context | SECTION)


@member
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    connection = get_connection(request, connection_id)
    present = {"label": connection.label, "default_from": connection.default_from}
    edit = Edit(request, parts_of(ConnectionForm(initial=present)))
    form = ConnectionForm(edit.data, initial=present)
    if edit.may_store and form.is_valid():
        try:
            change_connection(actor=actor_of(request), connection=connection, **form.cleaned_data)
        except Problem as problem:
            form.add_error("label", problem.message)
        else:
            return redirect("connections:detail", connection.pk)
    context = {"connection": connection, "form": form, "edit": edit} | SECTION
    return render(request, "connections/change.html", context, status=edit.status(form.errors))


@member
@require_POST
def reconnect(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponseBase:
    """Go through consent again; another account only after it was confirmed on the page that says so."""
    connection = get_connection(request, connection_id)
    if connection.status == Connection.Status.REVOKED:
        messages.error(request, "Revoked connections can’t be restored. Create a new one.")
        return redirect("connections:detail", connection.pk)
    allow_account_change = request.POST.get("another_account") == "confirmed"
    return start(
        request,
        connection,
        allow_account_change=allow_account_change,
        optional=_wanted_optional(request, connection),
    )


@member
@require_GET
def reconnect_choose(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    """The choice of optional permissions for a further consent; the form posts to `reconnect`."""
    connection = get_connection(request, connection_id)
    if connection.status == Connection.Status.REVOKED:
        return redirect("connections:detail", connection.pk)
    provider = registry.get(connection.provider)
    wanted = _wanted_optional(request, connection)
    initial = {permission.box: permission.key in wanted for permission in provider.optional}
    form = ReconnectForm(provider=provider, initial=initial)
    context = {"connection": connection, "provider": provider, "form": form} | SECTION
    return render(request, "connections/reconnect.html", context)


def _wanted_optional(request: HttpRequest, connection: Connection) -> list[str]:
    """Return the keys of the optional permissions to request: as the form says that has their boxes.

    A form without them adds those with `also` to what the last consent requested.
    """
    provider = registry.get(connection.provider)
    if "optional_asked" in request.POST:
        return optional_of(request.POST, provider)
    grant = getattr(connection, "grant", None)
    wanted = {*provider.optional_in(grant.scopes_asked if grant else []), *request.POST.getlist("also")}
    return [permission.key for permission in provider.optional if permission.key in wanted]


@member
@require_POST
def check(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    connection = get_connection(request, connection_id)
    try:
        with provider_slot(connection.workspace_id, connection.pk) as free:
            if not free:
                raise busy()
            result = health_check.check(actor=actor_of(request), connection=connection)
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        words = sentence_of(result["message"], result["reasons"])
        (messages.success if result["healthy"] else messages.error)(request, words)
    return redirect("connections:detail", connection.pk)
