"""Account email (sign-up, addresses, passwords, two-factor authentication): allauth words it, the outbox sends it."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from django.core.mail import EmailMessage
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver

from connections.mail import outbox

# Those that a person asks for and waits for: the newest is of use, and a day later none is. The others are facts.
_ASKED_FOR = {
    *("email_confirmation", "password_reset_key", "password_reset_code", "login_code"),
    *("unknown_account", "account_already_exists"),
}
View = Callable[..., HttpResponseBase]
_DAY = timedelta(days=1)
_LIFE = timedelta(days=3)
# Views that change an account and send email about it. Signing in is not among them: checking a password takes long,
# and on SQLite nothing else is written meanwhile.
_WHOLE = {
    *("account_signup", "account_email", "account_confirm_email", "account_email_verification_sent"),
    *("account_change_password", "account_set_password", "account_reset_password"),
    "account_reset_password_from_key",
    *("mfa_activate_totp", "mfa_deactivate_totp", "mfa_generate_recovery_codes"),
}


def owe(template_prefix: str, message: EmailMessage) -> None:
    """Owe what allauth would have sent."""
    kind = template_prefix.rpartition("/")[2].removesuffix("_signup")
    asked_for = kind in _ASKED_FOR
    for address in message.to:
        outbox.owe(
            kind=kind,
            to=address,
            subject=str(message.subject),
            body=str(message.body),
            life=_DAY if asked_for else _LIFE,
            replaces=asked_for,
        )


def in_one_transaction(routes: Iterable[URLPattern | URLResolver]) -> None:
    """Let the views of `routes` that send email change the account and owe the email in one transaction."""
    for route in routes:
        if isinstance(route, URLResolver):
            in_one_transaction(route.url_patterns)
        elif route.name in _WHOLE:
            route.callback = _whole(route.callback)


def _whole(view: View) -> View:
    @wraps(view)
    def whole(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with transaction.atomic():
            try:
                return view(request, *args, **kwargs)
            except ImmediateHttpResponse as ended:  # an answer of allauth's, which is no failure
                answer: HttpResponseBase = ended.response
                return answer

    return whole
