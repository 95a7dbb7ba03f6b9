"""The sentences in the validation errors of a serializer."""

from collections.abc import Mapping
from typing import Any

_LONGEST_SAID = 500


def flat(errors: Any) -> list[str]:
    """Return the sentences in a serializer's errors, from any depth of mappings and lists."""
    if isinstance(errors, Mapping):
        return [sentence for inner in errors.values() for sentence in flat(inner)]
    if isinstance(errors, list | tuple):
        return [sentence for inner in errors for sentence in flat(inner)]
    return [_short(str(errors))]


def _short(said: str) -> str:
    """Cut the middle out of a long sentence: some quote a value, and fields can make a value of any length."""
    return said if len(said) <= _LONGEST_SAID else f"{said[: _LONGEST_SAID - 81]}…{said[-80:]}"
