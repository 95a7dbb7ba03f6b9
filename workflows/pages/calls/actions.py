"""Pages of a connection's actions, in plain words."""

import uuid
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from connections.extension_points import health
from connections.grants import registry
from connections.models import Connection
from connections.pages.connecting.connections import get_connection
from connections.web.access import member
from workflows import catalog
from workflows.catalog import ActionType

_SECTION = {"section": "connections"}


@dataclass(frozen=True)
class Offer:
    """One action on the list. permission: its scope in plain words."""

    action: ActionType
    permission: str
    granted: bool


def _permissions(scope: str, words: dict[str, str]) -> str:
    return "; ".join(words.get(one, one) for one in scope.split())


@member
@require_GET
def action_list(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    """The list of actions: reads, writes, and those without a permission."""
    connection = get_connection(request, connection_id)
    integration = catalog.integration(connection.provider)
    words = registry.get(connection.provider).scopes
    grant = getattr(connection, "grant", None)
    granted = grant.scopes_granted if grant else []
    offers = [
        Offer(action, _permissions(action.scope, words), integration.covers(action.scope, granted))
        for action in integration.actions.values()
    ]
    context = {
        "connection": connection,
        "health": health.of(connection),
        "provider": integration,
        "usable": connection.status == Connection.Status.ACTIVE,
        "groups": [
            ("Read", [offer for offer in offers if not offer.action.writes]),
            ("Write", [offer for offer in offers if offer.action.writes]),
        ],
    }
    return render(request, "actions/list.html", context | _SECTION)
