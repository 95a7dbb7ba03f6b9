"""Settings → Connections in the browser."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections import audit, checks, providers
from connections.forms import ConnectForm
from connections.models import Connection, Workspace
from connections.problems import Problem
from connections.requests import actor_of
from connections.revoke import revoke as revoke_connection

_PAGE = 50
_BANNERS = 5


def _connection(request: HttpRequest, connection_id: uuid.UUID) -> Connection:
    """The visible connection; a foreign one is not there."""
    rows = Connection.objects.visible_to(actor_of(request))
    found = (
        rows.select_related("workspace__account", "authorised_by", "grant").filter(pk=connection_id).first()
    )
    if found is None:
        raise Http404
    return found


def _workspaces(request: HttpRequest) -> list[Workspace]:
    mine = Workspace.objects.filter(account__in=list(actor_of(request).roles))
    return list(mine.select_related("account").order_by("account__name", "name"))


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    return redirect("connections:list")


@login_required
@require_GET
def connection_list(request: HttpRequest) -> HttpResponse:
    """Every connection of the person's workspaces, newest first."""
    rows = Connection.objects.visible_to(actor_of(request)).select_related(
        "workspace", "authorised_by", "grant"
    )
    page = Paginator(rows, _PAGE).get_page(request.GET.get("page"))
    broken = rows.filter(status=Connection.Status.ERROR)[:_BANNERS]
    return render(request, "connections/list.html", {"page": page, "broken": broken})


@login_required
@require_http_methods(["GET", "POST"])
def connect(request: HttpRequest) -> HttpResponseBase:
    """Add a connection: say what will be asked for, then go to the provider's consent page."""
    form = ConnectForm(request.POST or None, workspaces=_workspaces(request))
    if request.method == "POST" and form.is_valid():
        try:
            connection = _pending(request, form)
        except IntegrityError:
            form.add_error("label", "There is a connection with this label already.")
        else:
            return providers.get(connection.provider).start(request, connection, False)
    context = {"form": form, "provider": providers.known()[0]}
    return render(request, "connections/connect.html", context, status=400 if form.errors else 200)


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


@login_required
@require_GET
def detail(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    connection = _connection(request, connection_id)
    provider = providers.get(connection.provider)
    grant = getattr(connection, "grant", None)
    missing = provider.missing_scopes(grant.scopes_granted) if grant else []
    scopes = (
        [(scope, words, scope not in missing) for scope, words in provider.scopes.items()] if grant else []
    )
    context = {
        "connection": connection,
        "grant": grant,
        "provider": provider,
        "scopes": scopes,
        "missing": missing,
        "audit_events": connection.audit_events.all()[:_PAGE],
    }
    return render(request, "connections/detail.html", context)


@login_required
@require_POST
def reconnect(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponseBase:
    """Go through consent again; another account only after it was confirmed on the page that says so."""
    connection = _connection(request, connection_id)
    if connection.status == Connection.Status.REVOKED:
        messages.error(request, "A revoked connection is not brought back. Add a new one.")
        return redirect("connections:detail", connection.pk)
    allow_account_change = request.POST.get("another_account") == "confirmed"
    return providers.get(connection.provider).start(request, connection, allow_account_change)


@login_required
@require_POST
def check(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    connection = _connection(request, connection_id)
    try:
        result = checks.check(actor=actor_of(request), connection=connection)
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        (messages.success if result["healthy"] else messages.error)(request, result["message"])
    return redirect("connections:detail", connection.pk)


@login_required
@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    """Ask first, then revoke and show the receipt."""
    connection = _connection(request, connection_id)
    if request.method == "GET":
        return render(request, "connections/revoke.html", {"connection": connection})
    receipt = revoke_connection(actor=actor_of(request), connection=connection)
    return render(request, "connections/receipt.html", {"connection": connection, "receipt": receipt})
