"""What the tests of trigger pages share: addresses, signing in, reading a page."""

import html
import re
from typing import Any

from django.test import Client
from django.urls import reverse

from connections.models import User

LIST, ADD = reverse("triggers:list"), reverse("triggers:add")
KEY = "pagerduty/incident-triggered"


def path(name: str, trigger: Any, *more: Any) -> str:
    return reverse(f"triggers:{name}", args=[trigger.pk, *more])


def signed_in(person: User, *, csrf: bool = False) -> Client:
    browser = Client(enforce_csrf_checks=csrf)
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def text(answer: Any) -> str:
    """What a person reads of an answer, on one line."""
    words = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(html.unescape(words).split())
