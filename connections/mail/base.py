"""The base of every message: a subject on one line, a footer that says why, and links to pages."""

from django.conf import settings
from django.urls import reverse

from connections.models import Connection


def page(connection: Connection) -> str:
    """The address of its page."""
    return settings.PUBLIC_BASE_URL + reverse("connections:detail", args=[connection.pk])


def line(text: str) -> str:
    """A label may hold line breaks, which no subject may."""
    return " ".join(text.split())


def signed(body: str, why: str) -> str:
    """The text with the footer that every message has. why: the reason the person gets it, as a sentence."""
    return f"{body.rstrip()}\n\n--\nTaskJuice · {settings.PUBLIC_BASE_URL}\n{why}\n"
