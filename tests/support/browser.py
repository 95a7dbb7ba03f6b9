"""A signed-in browser, addresses of pages, and what a person reads of an answer."""

import html
import re
from typing import Any

from django.db import transaction
from django.test import Client
from django.urls import reverse

from connections.models import Connection, User

BACKEND = "django.contrib.auth.backends.ModelBackend"
CONNECTIONS = reverse("connections:list")
LIST, ADD = reverse("triggers:list"), reverse("triggers:add")
KEY = "pagerduty/incident-triggered"


def path(name: str, trigger: Any, *more: Any) -> str:
    return reverse(f"triggers:{name}", args=[trigger.pk, *more])


def connection_page(connection: Connection, name: str = "detail") -> str:
    return reverse(f"connections:{name}", args=[connection.pk])


def signed_in(person: User, **options: Any) -> Client:
    """A browser of that person. options: of Django's test client."""
    browser = Client(**options)
    browser.force_login(person, backend=BACKEND)
    return browser


def text(answer: Any) -> str:
    """What a person reads of an answer, on one line."""
    words = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(html.unescape(words).split())


def undone(client: Client, method: str, path: str) -> Any:
    """That request with an empty body, its effects undone."""
    with transaction.atomic():
        kind = "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"
        answer = getattr(client, method)(path, **({} if method == "get" else {"content_type": kind}))
        if getattr(answer, "streaming", False):
            list(answer)
        transaction.set_rollback(True)
    return answer
