"""The client's side of a client link: /client/. No account, no sign-in here; only the provider's."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.connecting import client_links
from connections.connecting.start import start
from connections.grants import oauth_apps, registry
from connections.models import ClientLink, Connection, User
from connections.pages.secret_links import keep_digest
from core.errors import Problem

_SESSION = "client_link"
_RELATED = ("connection__workspace__account", "connection__grant", "created_by")


def _found(request: HttpRequest) -> ClientLink | None:
    """Return the link that this browser opened, in any state; only its digest is kept in the session."""
    digest = str(request.session.get(_SESSION) or "")
    return client_links.of_digest(digest, *_RELATED) if digest else None


@never_cache
@require_http_methods(["GET", "HEAD"])
def client(request: HttpRequest) -> HttpResponse:
    """Show who asks for what. A GET only notes the visit, since mail scanners follow links, too."""
    if "link" in request.GET:
        keep_digest(request, _SESSION, ClientLink.objects.all())
        return redirect("connections:client")
    link = _found(request)
    if link is None or not link.is_open or link.expired:
        return _over(request, link)
    if not isinstance(request.user, User):  # people of the agency try their own links
        client_links.opened(link)
    provider = registry.get(link.connection.provider)
    own_app = oauth_apps.in_use(link.connection.workspace, provider.key) is not None
    context = {
        "link": link,
        "account": link.connection.workspace.account,
        "provider": provider,
        "scopes": provider.asks(own_app=own_app, optional=link.optional_permissions),
        "install_url": "" if own_app else provider.install_url(),
    }
    return render(request, "connections/client.html", context)


@never_cache
@require_POST
def agree(request: HttpRequest) -> HttpResponseBase:
    """The client agrees, in their own browser; from here it goes to the provider's consent page."""
    link = _found(request)
    if link is None:
        return _over(request, None)
    if request.POST.get("link") != str(link.pk):
        return redirect("connections:client")  # another one was opened since: whom it names comes first
    try:
        client_links.agree(actor=client_links.client_of(request, link), link=link)
    except Problem:
        return _over(request, link)
    return start(request, link.connection, link=link, optional=link.optional_permissions)


@never_cache
@require_POST
def ask_again(request: HttpRequest) -> HttpResponse:
    """An expired link's way forward: the agency sees on the connection's page that a new one is wanted."""
    link = _found(request)
    if link is not None and link.expired and request.POST.get("link") == str(link.pk):
        client_links.ask_again(link)
        link.ending = "asked_again"
    return _over(request, link)


@never_cache
@require_GET
def done(request: HttpRequest) -> HttpResponse:
    """The page after consent: what the client authorized, and how to revoke it."""
    link = _found(request)
    if link is None or link.used_at is None or link.connection.status == Connection.Status.REVOKED:
        return _over(request, link)
    connection = link.connection
    provider = registry.get(connection.provider)
    grant = getattr(connection, "grant", None)
    missing = provider.missing_scopes(grant.scopes_granted) if grant else list(provider.scopes)
    granted = [(scope, words) for scope, words in provider.scopes.items() if scope not in missing]
    more = grant.scopes_granted if grant else []
    granted += [(scope, words) for scope, words in provider.optional_scopes.items() if scope in more]
    context = {
        "link": link,
        "connection": connection,
        "provider": provider,
        "account": connection.workspace.account,
        "granted": granted,
        "missing": missing,
    }
    return render(request, "connections/client_done.html", context)


def _over(request: HttpRequest, link: ClientLink | None) -> HttpResponse:
    """Used, cancelled, expired, or never one of ours."""
    context: dict[str, Any] = {"link": link}
    if link is not None:
        connection = link.connection
        context |= {
            "account": connection.workspace.account,
            "connection": connection,
            "provider": registry.get(connection.provider),
        }
    return render(request, "connections/client_over.html", context, status=410)
