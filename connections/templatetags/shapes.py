"""Small things that pages are made of: icons of the sprite, status badges, names of providers."""

from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import apnumber, intcomma
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from connections.grants import registry
from core.web import statuses

register = template.Library()
register.filter(apnumber)
register.filter(intcomma)


@register.simple_tag
def icon(name: str) -> SafeString:
    """The symbol `name` of static/icons.svg; decoration, so words stand beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons.svg"),
        name,
    )


@register.simple_tag
def badge(what: Any, of: str = "", *, reason: str = "", note: object = "", tone: str = "") -> SafeString:
    """Return the badge of a status: `{% badge run.status of="run" reason=run.pause_reason %}`.

    Without `of`, `what` has words, tone and a reason itself, as a Health has. note: what the words say further.
    tone: instead of the status's own.
    """
    found = statuses.find(of, what, reason) if of else what
    title = "" if of else getattr(what, "reason", "")
    return format_html(
        '<span class="badge {}"{}>{}{}</span>',
        tone or found.tone,
        format_html(' title="{}"', title) if title else "",
        found.words,
        f" {note}" if note else "",
    )


@register.filter
def provider_name(key: str) -> str:
    """The display name of the provider with that key."""
    return next((provider.name for provider in registry.known() if provider.key == key), key)
