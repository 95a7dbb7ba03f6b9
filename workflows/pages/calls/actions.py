"""Pages of a connection's actions, in plain words."""

import uuid
from dataclasses import dataclass
from typing import Self

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from connections.extension_points import health
from connections.grants import registry
from connections.models import Connection
from connections.pages.connecting.connections import get_connection
from connections.web.access import member
from workflows import catalog
from workflows.catalog import ActionType, Integration
from workflows.formatting import error_hints
from workflows.formatting.error_hints import Hint

_SECTION = {"section": "connections"}


@dataclass(frozen=True)
class Offer:
    """One action on the list. permission: its scope in plain words. hint: what to do if it is not granted."""

    action: ActionType
    permission: str
    hint: Hint | None

    @classmethod
    def of(cls, action: ActionType, integration: Integration, granted: list[str]) -> Self:
        provider, scopes = registry.get(integration.key), action.scope.split()
        words = provider.scopes | provider.optional_scopes
        missing = [scope for scope in scopes if not integration.covers(scope, granted)]
        refused = {"code": "missing_scope", "detail": {"scope": " ".join(missing)}}
        hint = error_hints.for_error(refused, integration) if missing else None
        return cls(action, "; ".join(words.get(scope, scope) for scope in scopes), hint)


@member
@require_GET
def action_list(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    """The list of actions: reads, writes, and those without a permission."""
    connection = get_connection(request, connection_id)
    integration = catalog.integration(connection.provider)
    grant = getattr(connection, "grant", None)
    granted = grant.scopes_granted if grant else []
    offers = [Offer.of(action, integration, granted) for action in integration.actions.values()]
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
