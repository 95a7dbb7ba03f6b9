"""Account pages and their emails: in the product's words and look, without a default text of allauth."""

import re
from pathlib import Path
from typing import Any

import allauth
import pytest
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.template.loader import get_template
from django.test import Client
from django.urls import reverse

from tests.factories import People
from tests.support.browser import signed_in

PASSWORD = "quite a long phrase"
TITLE_CASE = re.compile(r"\b[A-Z][a-z]+ (?!TaskJuice|PagerDuty|QR\b)(?:[A-Z][a-z]+)\b")
DEFAULTS = re.compile(
    r"contact us|please|third-party|reauthenticate|successfully|thank you|are you sure|token|"
    r"testserver|127\.0\.0\.1|localhost|example\.com",
    re.IGNORECASE,
)
# What allauth can render as this project has set it up; its other templates belong to what is switched off.
REACHABLE = [
    "account/account_inactive.html",
    "account/email.html",
    "account/email_confirm.html",
    "account/login.html",
    "account/logout.html",
    "account/password_change.html",
    "account/password_reset.html",
    "account/password_reset_done.html",
    "account/password_reset_from_key.html",
    "account/password_reset_from_key_done.html",
    "account/password_set.html",
    "account/reauthenticate.html",
    "account/signup.html",
    "account/signup_closed.html",
    "account/verification_sent.html",
    "account/verified_email_required.html",
    "mfa/authenticate.html",
    "mfa/index.html",
    "mfa/reauthenticate.html",
    "mfa/recovery_codes/generate.html",
    "mfa/recovery_codes/index.html",
    "mfa/totp/activate_form.html",
    "mfa/totp/deactivate_form.html",
]


def text_of(answer: Any) -> str:
    """What a person reads in the main part of a page, labels and buttons included."""
    assert answer.status_code == 200, answer
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    assert main, "a page in the product's frame"
    main = re.sub(r"<(?:strong|code)>.*?</(?:strong|code)>|<svg.*?</svg>", " ", main, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " | ", main).split())


def held(answer: Any, *wanted: str) -> None:
    """The page says `wanted`, in sentence case, and nothing of allauth."""
    text = text_of(answer)
    for words in wanted:
        assert words in text
    parts = [part.strip() for part in text.split("|")]
    assert [part for part in parts if TITLE_CASE.search(part)] == []
    assert DEFAULTS.search(text) is None, DEFAULTS.search(text)


@pytest.fixture
def alice(who: People, client: Client) -> Client:
    """Signed in with a password, and asked for it again, as sensitive pages want it."""
    EmailAddress.objects.create(user=who.alice, email=who.alice.email, verified=True, primary=True)
    who.alice.set_password(PASSWORD)
    who.alice.save()
    sign_in(client, who)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


def sign_in(client: Client, who: People) -> Any:
    return client.post(
        reverse("account_login"), {"login": who.alice.email, "password": PASSWORD}, follow=True
    )


@pytest.mark.parametrize("name", REACHABLE)
def test_each_page_is_ours(name: str) -> None:
    template: Any = get_template(name)

    assert Path(template.origin.name).is_relative_to(settings.BASE_DIR / "templates")


@pytest.mark.parametrize("app", ["account", "mfa"])
def test_each_message_is_ours_or_of_something_switched_off(app: str) -> None:
    off = {
        "login_code_sent",
        "phone_verification_sent",
        "phone_verified",
        "webauthn_added",
        "webauthn_removed",
    }
    theirs = Path(allauth.__file__).parent / "templates" / app / "messages"
    ours = {path.stem for path in (settings.BASE_DIR / "templates" / app / "messages").glob("*.txt")}

    assert {path.stem for path in theirs.glob("*.txt")} - off == ours


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("account_login", ["Sign in", "New here?", "Create an account", "Email", "Password"]),
        (
            "account_signup",
            ["Create an account", "Already have an account?", "Create account", "Password (again)"],
        ),
        ("account_inactive", ["Account deactivated"]),
        ("account_email_verification_sent", ["Check your email"]),
        ("account_reset_password", ["Reset your password", "Send reset link"]),
        ("account_reset_password_done", ["Check your email"]),
        ("account_reset_password_from_key_done", ["Password changed"]),
    ],
)
def test_pages_for_anyone(client: Client, name: str, wanted: list[str]) -> None:
    held(client.get(reverse(name)), *wanted)


def test_a_wrong_password(client: Client, who: People) -> None:
    answer = client.post(reverse("account_login"), {"login": who.alice.email, "password": "wrong"})

    held(answer, "Wrong email or password.")


def test_pages_of_whoever_is_signed_in(alice: Client, who: People) -> None:
    EmailAddress.objects.create(user=who.alice, email="second@alice.example")

    held(alice.get(reverse("account_logout")), "Sign out?", "Cancel")
    held(alice.get(reverse("account_email")), "Confirmed", "Primary", "Not confirmed", "Resend confirmation")
    held(
        alice.get(reverse("account_change_password")),
        "Current password",
        "New password (again)",
        "Change password",
    )
    held(alice.get(reverse("account_reauthenticate")), "Confirm it’s you", "Enter your password")
    held(alice.get(reverse("account_reset_password")), "You are signed in as")


def test_an_account_without_a_password_or_an_address(who: People) -> None:
    who.alice.set_unusable_password()
    who.alice.save()

    held(signed_in(who.alice).get(reverse("account_set_password")), "Set a password")


def test_confirming_an_address(client: Client, who: People) -> None:
    address = EmailAddress.objects.create(user=who.alice, email="second@alice.example")
    link = reverse("account_confirm_email", args=[EmailConfirmationHMAC(address).key])

    held(client.get(link), "Confirm your email", "second@alice.example")
    held(client.get(reverse("account_confirm_email", args=["nothing"])), "Request a new link")
    assert "second@alice.example is confirmed." in client.post(link, follow=True).content.decode()


def test_choosing_a_new_password_by_link(client: Client, who: People) -> None:
    key = f"{user_pk_to_url_str(who.alice)}-{default_token_generator.make_token(who.alice)}"
    link = reverse(
        "account_reset_password_from_key", kwargs=dict(zip(("uidb36", "key"), key.split("-", 1), strict=True))
    )

    held(client.get(link, follow=True), "Choose a new password", "New password (again)")
    other = "/accounts/password/reset/key/1-x-y/"
    held(client.get(other, follow=True), "This link no longer works")


def test_two_factor_authentication(alice: Client, who: People) -> None:
    held(alice.get(reverse("mfa_index")), "Two-factor authentication", "Authenticator app", "Turn on")
    held(alice.get(reverse("mfa_activate_totp")), "Turn on two-factor authentication", "Secret key")
    secret = alice.session["mfa.totp.secret"]
    held(alice.post(reverse("mfa_activate_totp"), {"code": "1"}), "Wrong code.")
    code = totp.format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())))
    done = alice.post(reverse("mfa_activate_totp"), {"code": code}, follow=True)
    held(done, "Recovery codes", "10 of 10 recovery codes left")

    held(alice.get(reverse("mfa_index")), "10 of 10 recovery codes left", "Turn off…", "Download")
    held(alice.get(reverse("mfa_view_recovery_codes")), "Unused codes")
    held(alice.get(reverse("mfa_generate_recovery_codes")), "Your 10 unused codes stop working.")
    held(alice.get(reverse("mfa_deactivate_totp")), "Turn off two-factor authentication?")
    held(alice.get(reverse("mfa_reauthenticate")), "Confirm it’s you")
    assert Authenticator.objects.count() == 2

    other = Client()
    held(sign_in(other, who), "Enter the code from your authenticator app", "Cancel")
    held(other.post(reverse("mfa_authenticate"), {"code": "1"}), "Wrong code.")


def test_the_authenticator_app_shows_the_products_name(alice: Client) -> None:
    page = alice.get(reverse("mfa_activate_totp"))

    assert "issuer=TaskJuice" in page.context["totp_url"]
