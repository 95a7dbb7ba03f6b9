"""Asking a client: the agency's side (send, follow, send again, cancel) of client links."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.connecting import client_links
from connections.grants import registry
from connections.models import ClientLink, Connection
from connections.pages.connecting.connections import get_connection
from connections.pages.connecting.provider_choice import choose, chosen
from connections.web.access import here, member
from connections.web.actor_of_request import actor_of
from connections.web.current_scope import workspaces_of
from connections.web.forms import ClientLinkForm, optional_of
from core.errors import Problem
from core.web.actions import perform

_SECTION = {"section": "connections"}
_FIELDS = {"label_in_use": "label", "mailed_too_often": "email", "not_an_account": "expected_account"}


def _asked_connection(request: HttpRequest) -> Connection | None:
    """The pending or broken connection that `?connection=` names, if the link is to be for one."""
    asked = request.GET.get("connection", "")
    if not asked:
        return None
    try:
        return get_connection(request, uuid.UUID(asked))
    except ValueError:
        raise Http404 from None


@member
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """The form to invite a client; then the connection's page shows the client's progress."""
    connection = _asked_connection(request)
    offered = [registry.get(connection.provider)] if connection else registry.known()
    provider = chosen(request, offered)
    if provider is None:
        return choose(request, offered, title="Invite client to connect", section="connections")
    form = ClientLinkForm(
        request.POST or None,
        provider=provider,
        workspaces=workspaces_of(request),
        connection=connection,
        initial={"workspace": here(request).workspace},
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            link = client_links.send(
                actor=actor_of(request),
                connection=connection,
                workspace=connection.workspace if connection else data["workspace"],
                provider=provider.key,
                label=connection.label if connection else data["label"],
                email=data["email"],
                expected_account=data["expected_account"],
                optional=optional_of(data, provider),
            )
        except Problem as problem:
            form.add_error(_FIELDS.get(problem.code), problem.message)
        else:
            return redirect("connections:detail", link.connection_id)
    context = {"form": form, "provider": provider, "connection": connection} | _SECTION
    return render(request, "connections/link_add.html", context, status=400 if form.errors else 200)


def _link(request: HttpRequest, connection_id: uuid.UUID) -> tuple[Connection, ClientLink]:
    connection = get_connection(request, connection_id)
    link = client_links.latest(connection)
    if link is None:
        raise Http404
    return connection, link


@member
@require_GET
@never_cache
def progress(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    """The client's progress, which the page polls; makes it reload when the connection's state changes."""
    connection, link = _link(request, connection_id)
    context = {"connection": connection, "link": link, "steps": client_links.progress(link)}
    answer = render(request, "connections/_link_progress.html", context)
    if not link.is_open:
        answer["HX-Refresh"] = "true"
    return answer


@member
@require_POST
def send_again(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    connection, link = _link(request, connection_id)
    perform(
        request,
        lambda: client_links.send_again(actor=actor_of(request), link=link),
        "New link created. The previous one no longer works.",
    )
    return redirect("connections:detail", connection.pk)


@member
@require_POST
def cancel(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    connection, link = _link(request, connection_id)
    client_links.cancel(actor=actor_of(request), link=link)
    messages.success(request, "Link cancelled.")
    return redirect("connections:detail", connection.pk)
