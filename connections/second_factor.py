"""Who has to sign in with a second factor, and is led to set one up before anything else."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from connections.models import User
from connections.place import memberships_of

# What somebody without one still gets to: setting it up, leaving, and what is nobody's page.
_FREE = (
    *("/accounts/2fa/", "/accounts/reauthenticate/", "/accounts/logout/", "/accounts/login/"),
    *("/accounts/password/", "/accounts/email/", "/accounts/confirm-email/", "/accounts/inactive/"),
    *("/join/", "/client/", "/hooks/", "/healthz", "/readyz", "/metrics"),
)
_WHY = "A second factor is required here. Set it up to go on."


def required(request: HttpRequest) -> bool:
    """Whether an agency of the signed-in person asks for one, or they are staff on the way into the admin."""
    if any(membership.account.second_factor_required for membership in memberships_of(request)):
        return True
    in_admin = request.path.startswith("/admin/") and request.user.is_staff
    return in_admin and bool(settings.ADMIN_NEEDS_SECOND_FACTOR)


class AsksForSecondFactor:
    """Middleware: whoever needs one and has none gets to its set-up and nowhere else. API keys are not people."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path.startswith(_FREE):
            return self.get_response(request)
        user = request.user
        if not isinstance(user, User) or not required(request) or is_mfa_enabled(user):
            return self.get_response(request)
        if request.path.startswith("/api/"):
            if "Authorization" in request.headers:
                return self.get_response(request)
            error = {"code": "second_factor_required", "message": _WHY}
            return JsonResponse({"error": error}, status=403)
        messages.info(request, _WHY)
        return redirect("mfa_activate_totp")
