"""What a request may see of the tenants (core.db.tenant_scope): nothing, until it is known who asks."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import FileResponse, HttpRequest, HttpResponse

from connections.web.current_scope import memberships_of
from connections.web.staff import sees_every_account
from core.db import tenant_scope

GetResponse = Callable[[HttpRequest], HttpResponse]
# Receivers look for the trigger that has the URL and answer a verdict; the others answer what holds for the machine.
_OPEN = ("/hooks/", "/healthz", "/readyz", "/metrics")
_ADMIN = "/admin/"


class BeginsBehindTheWall:
    """The view that a request begins with. What it leaves behind is over with it, streamed answers included."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with tenant_scope.looking(
            tenant_scope.EVERYTHING if request.path.startswith(_OPEN) else tenant_scope.NOTHING
        ):
            response: Any = self.get_response(request)
            if response.streaming and not isinstance(response, FileResponse):
                response.streaming_content = tenant_scope.held(response.streaming_content)
            return response  # type: ignore[no-any-return]


class SeesAsThePerson:
    """From here on a signed-in person sees their agencies. API keys and client links say so themselves."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Without the cookie no user is signed in, so API clients skip the query for the session.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and tenant_scope.view() == tenant_scope.NOTHING:
            _see_as(request)
        return self.get_response(request)


@receiver(user_logged_in, dispatch_uid="connections_wall")
def _signed_in(request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    """Set the scope of a user who signs in during this request; elsewhere (a test's force_login) there is none."""
    if tenant_scope.view().everything or request is None:
        return
    request.__dict__.pop("_memberships", None)  # of the user who was signed in before
    _see_as(request)


def _see_as(request: HttpRequest) -> None:
    if not request.user.is_authenticated:
        return
    if request.path.startswith(_ADMIN) and request.user.is_staff and sees_every_account(request):
        tenant_scope.look(tenant_scope.EVERYTHING)
    else:
        accounts = frozenset(one.account_id for one in memberships_of(request))
        tenant_scope.look(tenant_scope.View(accounts=accounts))
