"""Stored errors and Problems as pages show them."""

from typing import Any

from django import template

from core.errors import Problem, in_words, reasons_of

register = template.Library()
register.filter(in_words)  # for where there is no room for a list


@register.filter
def reasons(error: Any) -> list[str]:
    """The provider's reasons in a stored error or a Problem."""
    return error.reasons if isinstance(error, Problem) else reasons_of(error)
