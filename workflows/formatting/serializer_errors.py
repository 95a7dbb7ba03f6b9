"""The sentences in what a serializer says is wrong."""

from collections.abc import Mapping
from typing import Any

_LONGEST_SAID = 500


def flat(errors: Any) -> list[str]:
    """The sentences in a serializer's errors, whatever they are nested in."""
    if isinstance(errors, Mapping):
        return [sentence for inner in errors.values() for sentence in flat(inner)]
    if isinstance(errors, list | tuple):
        return [sentence for inner in errors for sentence in flat(inner)]
    return [_short(str(errors))]


def _short(said: str) -> str:
    """Without the middle of what is too long: some quote a value, and fields can make one of any length."""
    return said if len(said) <= _LONGEST_SAID else f"{said[: _LONGEST_SAID - 81]}…{said[-80:]}"
