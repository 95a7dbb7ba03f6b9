"""Revoking a connection: the question, which names what stops, and the receipt."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.connecting import holding
from connections.connecting.revoke import receipt_of
from connections.connecting.revoke import revoke as revoke_connection
from connections.extension_points import dependents
from connections.grants import registry
from connections.models import Connection
from connections.pages.connecting.connections import SECTION, get_connection
from connections.web.access import member
from connections.web.actor_of_request import actor_of
from connections.web.forms import RevokeForm
from core.errors import Problem


@member
@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    """Ask first, with the label typed again, then revoke and show the receipt."""
    connection = get_connection(request, connection_id)
    if connection.status == Connection.Status.REVOKED:
        return redirect("connections:receipt", connection.pk)
    form = RevokeForm(request.POST or None, label=connection.label)
    if request.method == "POST" and form.is_valid():
        revoke_connection(actor=actor_of(request), connection=connection)
        return redirect("connections:receipt", connection.pk)
    context = {"connection": connection, "form": form, "stopping": dependents.of(connection)} | SECTION
    return render(request, "connections/revoke.html", context, status=400 if form.errors else 200)


@member
@require_POST
def check_revocation(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    """Ask the provider again whether it still holds the grant, and show the receipt."""
    connection = get_connection(request, connection_id)
    if connection.status != Connection.Status.REVOKED:
        raise Http404
    try:
        holding.ask_again(actor_of(request), connection)
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("connections:receipt", connection.pk)


@member
@require_GET
def receipt(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    """The receipt of a revocation, which can be viewed and printed at any later time."""
    connection = get_connection(request, connection_id)
    if connection.status != Connection.Status.REVOKED:
        raise Http404
    context = {
        "connection": connection,
        "receipt": receipt_of(connection),
        "provider": registry.get(connection.provider),
    }
    return render(request, "connections/receipt.html", context | SECTION)
