"""Middleware: the tenant scope of a request, nothing until its actor is known, and the content security policy."""

from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import FileResponse, HttpRequest, HttpResponse

from connections.grants import registry
from connections.web.current_scope import memberships_of
from connections.web.staff import sees_every_account
from core.db import tenant_scope
from core.web.url_prefixes import ADMIN, Differs, prefixes

GetResponse = Callable[[HttpRequest], HttpResponse]
_UNSCOPED = prefixes(Differs.UNSCOPED)


class TenantScopeMiddleware:
    """Middleware: begin each request without a tenant, and end its scope with it, streamed responses included."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_UNSCOPED):
            with tenant_scope.unscoped():
                return self._respond(request)
        with tenant_scope.scoped(tenant_scope.NOTHING):
            return self._respond(request)

    def _respond(self, request: HttpRequest) -> HttpResponse:
        response: Any = self.get_response(request)
        if response.streaming and not isinstance(response, FileResponse):
            response.streaming_content = tenant_scope.ScopedIterator(response.streaming_content)
        return response  # type: ignore[no-any-return]


class ConsentPagesCspMiddleware(CSPMiddleware):  # type: ignore[misc]
    """Middleware: the content security policy, and in it the providers' consent pages.

    Forms that connect respond with a redirect to a consent page; browsers apply form-action to that, too.
    """

    def get_policy_parts(self, request: Any, response: Any, report_only: bool = False) -> Any:
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only:
            origins = [provider.consent_origin() for provider in registry.known()]
            parts.update = {**(parts.update or {}), "form-action": origins}
        return parts


class PersonScopeMiddleware:
    """Middleware: show a signed-in user their agencies. API keys and client links set their own scope."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Without the cookie no user is signed in, so API clients skip the query for the session.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and tenant_scope.current() == tenant_scope.NOTHING:
            _set_scope_of_person(request)
        return self.get_response(request)


@receiver(user_logged_in, dispatch_uid="connections_tenant_scope")
def _signed_in(request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    """Set the scope of a user who signs in during this request; elsewhere (a test's force_login) there is none."""
    if tenant_scope.current().everything or request is None:
        return
    request.__dict__.pop("_memberships", None)  # of the user who was signed in before
    _set_scope_of_person(request)


def _set_scope_of_person(request: HttpRequest) -> None:
    if not request.user.is_authenticated:
        return
    if request.path.startswith(ADMIN) and request.user.is_staff and sees_every_account(request):
        tenant_scope.set_scope(tenant_scope.EVERYTHING)
    else:
        accounts = frozenset(one.account_id for one in memberships_of(request))
        tenant_scope.set_scope(tenant_scope.Scope(accounts=accounts))
