"""Audit events in words."""

from typing import Any

from django import template

from connections.audit import labels
from connections.models import AuditEvent

register = template.Library()


@register.filter
def words(event: AuditEvent) -> str:
    return labels.words_for(event.action)


@register.filter
def facts(detail: dict[str, Any]) -> str:
    """The detail on one line: `from: Acme, to: Acme Ltd`."""
    return ", ".join(
        f"{name}: {_plain(value)}" for name, value in detail.items() if value not in (None, "", [], {})
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
