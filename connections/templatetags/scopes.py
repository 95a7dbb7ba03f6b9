"""Template tags for the workspace that a page is about."""

from typing import Any

from django import template

from connections.web.current_scope import Place

register = template.Library()
_ABOUT = ("call", "run", "event", "workflow", "trigger", "hook", "connection")


@register.simple_tag(takes_context=True)
def scope_of_page(context: dict[str, Any]) -> Place | None:
    """The place of the one thing that the page is about; else the one that the person has chosen."""
    keys = (getattr(context.get(name), "workspace_id", None) for name in _ABOUT)
    place: Place | None = context["shell"].around(next((key for key in keys if key), None))
    return place
