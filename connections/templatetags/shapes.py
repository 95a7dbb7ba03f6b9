"""Small things that pages are made of: icons of the sprite, names of providers."""

from django import template
from django.contrib.humanize.templatetags.humanize import apnumber, intcomma
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from connections.grants import registry

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


@register.filter
def provider_name(key: str) -> str:
    """What people call the provider of that key."""
    return next((provider.name for provider in registry.known() if provider.key == key), key)
