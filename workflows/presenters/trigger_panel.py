"""The triggers of a connection, on its page."""

from typing import Any

from connections.extension_points.panels import Panel
from connections.models import Connection
from connections.tenancy.actor import Actor
from workflows import catalog
from workflows.models import Trigger
from workflows.triggers import health

_SHOWN = 20


def _context(actor: Actor, connection: Connection) -> dict[str, Any]:
    """{"lines": [(trigger, its type, health)], "more", "may_add"}"""
    rows = Trigger.objects.visible_to(actor).filter(connection=connection, deleted_at__isnull=True)
    found = list(health.with_facts(rows)[: _SHOWN + 1])
    return {
        "lines": [(row, catalog.find_trigger(row.key), health.of(row)) for row in found[:_SHOWN]],
        "more": len(found) > _SHOWN,
        "may_add": connection.status != Connection.Status.REVOKED,
    }


PANEL = Panel(template="triggers/_panel.html", context=_context)
