"""Errors of expressions, worded for the person who wrote them."""

from dataclasses import dataclass

_LONGEST = 100


class ExpressionError(Exception):
    """A template that cannot be rendered."""


class FilterError(ExpressionError):
    """A filter that cannot work on what it was given."""


@dataclass(frozen=True)
class Missing:
    """A value that is not there, or null. said: which, in words."""

    said: str


def shown(source: str) -> str:
    """A field as people wrote it: {{ trigger.incident.title | upcase }}, cut."""
    inside = " ".join(source.split())
    return f"{{{{ {inside if len(inside) <= _LONGEST else inside[: _LONGEST - 1] + '…'} }}}}"
