"""What depends on a connection, in the apps above this one: they register, the pages of revoking ask."""

from collections.abc import Callable
from dataclasses import dataclass, field

from connections.models import Connection


@dataclass(frozen=True)
class Dependents:
    """what: such as "Triggers that close". names: the first of them, each with its address. more: how many besides."""

    what: str
    names: list[tuple[str, str]] = field(default_factory=list)
    more: int = 0


_sources: list[Callable[[Connection], list[Dependents]]] = []


def register(source: Callable[[Connection], list[Dependents]]) -> None:
    _sources.append(source)


def of(connection: Connection) -> list[Dependents]:
    """Those that there are."""
    return [found for source in _sources for found in source(connection) if found.names]
