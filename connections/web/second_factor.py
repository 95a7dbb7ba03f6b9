"""Two-factor authentication: who needs it, and the redirect to its set-up."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from connections.models import User
from connections.web.current_scope import memberships_of
from core.web.url_prefixes import ADMIN, Differs, prefixes

_FREE = prefixes(Differs.NO_SECOND_FACTOR)
WHY = "Your agency requires 2FA. Set it up to continue."


def required(request: HttpRequest) -> bool:
    """Return whether an agency of the signed-in user requires 2FA, or they are staff on the way into the admin."""
    if any(membership.account.second_factor_required for membership in memberships_of(request)):
        return True
    in_admin = request.path.startswith(ADMIN) and request.user.is_staff
    return in_admin and bool(settings.ADMIN_NEEDS_SECOND_FACTOR)


def is_missing(request: HttpRequest) -> bool:
    """Return whether the user of this session needs 2FA and has none."""
    user = request.user
    return isinstance(user, User) and required(request) and not is_mfa_enabled(user)


class SecondFactorMiddleware:
    """Middleware: redirect users who need two-factor authentication and have none to its set-up.

    The API asks when it authenticates a session (connections.api.authentication): only there is it known whether an
    API key was accepted, which is not a person. That a header for one was sent says nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path.startswith(_FREE):
            return self.get_response(request)
        if not is_missing(request):
            return self.get_response(request)
        messages.info(request, WHY)
        return redirect("mfa_activate_totp")
