"""The provider's actions that a grant does not allow, for the page of its connection."""

from typing import Any

from connections.extension_points import panels
from connections.grants import registry
from connections.models import Connection
from connections.tenancy.actor import Actor
from workflows import catalog


def missing_for(connection: Connection) -> list[tuple[str, str, list[str]]]:
    """(scope, what it allows in words, names of the actions that need it) for each scope not granted."""
    grant = getattr(connection, "grant", None)
    if grant is None or connection.status != Connection.Status.ACTIVE:
        return []
    provider, integration = registry.get(connection.provider), catalog.integration(connection.provider)
    return [
        (
            scope,
            provider.scopes[scope],
            [a.name for a in integration.actions.values() if scope in a.scope.split()],
        )
        for scope in provider.missing_scopes(grant.scopes_granted)
    ]


def _context(actor: Actor, connection: Connection) -> dict[str, Any]:
    return {"missing": missing_for(connection)}


PANEL = panels.Panel("actions/_missing.html", _context)
