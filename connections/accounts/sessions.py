"""The sessions of a user: which browser, since when, last seen, from which address; and ending that."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from connections.mail import account_mail
from core.db import clock

MOST = 100
_GRAIN = timedelta(minutes=1)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's, with the address that the audit has, too (TRUSTED_PROXIES), and no email sent by a request."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": "This account is deactivated.",
        "cannot_remove_primary_email": "You can’t remove your primary email address.",
        "duplicate_email": "Your account already has this email address.",
        "email_password_mismatch": "Wrong email or password.",
        "email_taken": "An account with this email address already exists.",
        "enter_current_password": "Enter your current password.",
        "incorrect_code": "Wrong code.",
        "incorrect_password": "Wrong password.",
        "max_email_addresses": "You can’t add more than %d email addresses.",
        "too_many_login_attempts": "Too many failed sign-ins. Try again later.",
        "unverified_primary_email": "Confirm this address before you make it primary.",
        "rate_limited": "Too many requests. Try again later.",
    }

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Owe it. The address of this server in it is the configured one, not the one the browser asked for."""
        context = {"email": email, "base_url": settings.PUBLIC_BASE_URL, **context}
        account_mail.owe(template_prefix, self.render_mail(template_prefix, email, context))

    def get_reset_password_from_key_url(self, key: str) -> str:
        return _here(super().get_reset_password_from_key_url(key))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return _here(super().get_email_confirmation_url(request, emailconfirmation))

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client's address; 0.0.0.0 for a sign-in without a browser."""
        return str(request.META.get("REMOTE_ADDR") or "0.0.0.0")  # no client; nothing listens there  # noqa: S104  # nosec B104


def _here(url: str) -> str:
    """Return the path of `url` at PUBLIC_BASE_URL."""
    return settings.PUBLIC_BASE_URL + urlsplit(url).path


class SessionActivityMiddleware:
    """Middleware: when and from where each session was last seen, written at most once a minute."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            self._note(request)
        return self.get_response(request)

    def _note(self, request: HttpRequest) -> None:
        key, now = request.session.session_key, clock.now()
        if not key or not cache.add(f"seen:{key}", True, _GRAIN.total_seconds()):
            return
        address = request.META.get("REMOTE_ADDR") or "0.0.0.0"  # as above  # noqa: S104  # nosec B104
        if not UserSession.objects.filter(session_key=key).update(last_seen_at=now, ip=address):
            UserSession.objects.create_from_request(request)  # signed in before sessions were listed


def of(request: HttpRequest) -> list[UserSession]:
    """The signed-in person's, the one last seen first, without those that are over."""
    mine = UserSession.objects.filter(user=request.user.pk).order_by("-last_seen_at", "-pk")
    return [session for session in mine[:MOST] if not session.purge()]


def end(request: HttpRequest, session_id: int) -> bool:
    """Sign that browser out. False when it is none of this person's."""
    session = UserSession.objects.filter(user=request.user.pk, pk=session_id).first()
    if session is not None:
        session.end()
    return session is not None


def end_others(request: HttpRequest) -> int:
    """Sign out every browser but this one. Return how many."""
    others = UserSession.objects.filter(user=request.user.pk).exclude(session_key=request.session.session_key)
    ended = 0
    for session in others.iterator():
        session.end()
        ended += 1
    return ended
