"""The action of a button on a page: perform it and show how it ended."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest

from core.errors import Problem


def perform(request: HttpRequest, act: Callable[[], object], success: str) -> bool:
    """Call `act` and show `success`, or the message of the Problem that it raises. Return whether it succeeded."""
    try:
        act()
    except Problem as problem:
        messages.error(request, problem.message)
        return False
    messages.success(request, success)
    return True
