"""Who has to sign in with a second factor, and is led to set one up before anything else."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from connections.models import User
from connections.web.current_scope import memberships_of

# Pages that need no second factor: its set-up, signing out, and public pages.
_FREE = (
    *("/accounts/2fa/", "/accounts/reauthenticate/", "/accounts/logout/", "/accounts/login/"),
    *("/accounts/password/", "/accounts/email/", "/accounts/confirm-email/", "/accounts/inactive/"),
    *("/join/", "/client/", "/hooks/", "/healthz", "/readyz", "/metrics"),
)
API = "/api/"
WHY = "Your agency requires 2FA. Set it up to continue."


def required(request: HttpRequest) -> bool:
    """Whether an agency of the signed-in person asks for one, or they are staff on the way into the admin."""
    if any(membership.account.second_factor_required for membership in memberships_of(request)):
        return True
    in_admin = request.path.startswith("/admin/") and request.user.is_staff
    return in_admin and bool(settings.ADMIN_NEEDS_SECOND_FACTOR)


def is_missing(request: HttpRequest) -> bool:
    """Whether the signed-in person of this session needs one and has none."""
    user = request.user
    return isinstance(user, User) and required(request) and not is_mfa_enabled(user)


class AsksForSecondFactor:
    """Middleware: redirect users who need two-factor authentication and have none to its set-up.

    The API asks when it authenticates a session (connections.api.authentication): only there is it known whether an
    API key was accepted, which is not a person. That a header for one was sent says nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path.startswith((*_FREE, API)):
            return self.get_response(request)
        if not is_missing(request):
            return self.get_response(request)
        messages.info(request, WHY)
        return redirect("mfa_activate_totp")
