"""What the tests of people and of joining share."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.core import mail
from django.test import Client
from django.urls import reverse

from connections.mail import outbox
from connections.models import Invitation, Membership, User

PEOPLE, JOIN = reverse("connections:people"), reverse("connections:join")
EVE = "eve@agency.example"


def invite(browser: Client, email: str = EVE, role: str = "member") -> Any:
    return browser.post(PEOPLE, {"email": email, "role": role})


def mailed_link() -> str:
    """The path and query of the link in the newest mail."""
    outbox.send_due()
    found = re.search(r"http\S+/join/\S+", str(mail.outbox[-1].body))
    assert found is not None
    parts = urlsplit(found[0])
    return f"{parts.path}?{parts.query}"


def invitation() -> dict[str, str]:
    """What the page's form holds."""
    return {"invitation": str(Invitation.objects.get().pk)}


def sign_up(browser: Client, email: str) -> Any:
    form = {"email": email, "password1": "quite a long phrase", "password2": "quite a long phrase"}
    return browser.post("/accounts/signup/", form)


def membership(user: User) -> Membership:
    return Membership.objects.get(user=user)
