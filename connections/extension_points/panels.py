"""Panels of the connection page that rooms above this one bring: they register, this room shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connections.models import Connection
from connections.tenancy.actor import Actor


@dataclass(frozen=True)
class Panel:
    """template: shown with `panel` (what `context(actor, connection)` answers) and `connection`."""

    template: str
    context: Callable[[Actor, Connection], dict[str, Any]]


_panels: list[Panel] = []


def register(panel: Panel) -> None:
    _panels.append(panel)


def of(actor: Actor, connection: Connection) -> list[tuple[str, dict[str, Any]]]:
    """Each panel's template and context, in the order of registration."""
    return [(panel.template, panel.context(actor, connection)) for panel in _panels]
