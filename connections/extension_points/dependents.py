"""Dependents of a connection: the apps above register sources, the pages of revoking read them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from connections.models import Connection


@dataclass(frozen=True)
class Dependents:
    """Dependents of one kind. what: such as "Triggers that close". names: the first, with URLs. more: the rest."""

    what: str
    names: list[tuple[str, str]] = field(default_factory=list)
    more: int = 0


_sources: list[Callable[[Connection], list[Dependents]]] = []


def register(source: Callable[[Connection], list[Dependents]]) -> None:
    _sources.append(source)


def of(connection: Connection) -> list[Dependents]:
    """Return the kinds of which the connection has any."""
    return [found for source in _sources for found in source(connection) if found.names]
