"""The calls on the page of a connection, and what calls are called in the audit."""

from typing import Any

from connections.audit import labels
from connections.extension_points import panels
from connections.models import Connection
from connections.tenancy.actor import Actor
from workflows.presenters import call_chart, call_history

_NEWEST = 5


def register() -> None:
    panels.register(panels.Panel("calls/_panel.html", _context))
    labels.register({"action.called": "Ran an action"})


def _context(actor: Actor, connection: Connection) -> dict[str, Any]:
    return {
        "chart": call_chart.of_days(call_history.days_of(connection)),
        "calls": call_history.of_connection(connection)[:_NEWEST],
        "usable": connection.status == Connection.Status.ACTIVE,
    }
