"""The triggers and workflows that stop when a connection is revoked."""

from django.db.models import Q
from django.urls import reverse

from connections.extension_points.dependents import Dependents
from connections.models import Connection
from workflows.health.of_workflows import connections_of
from workflows.models import Trigger, Workflow

TRIGGERS, WORKFLOWS = "Triggers that will close", "Workflows that will stop"
_MOST_NAMED = 20


def of(connection: Connection) -> list[Dependents]:
    triggers = Trigger.objects.filter(connection=connection, deleted_at__isnull=True)
    open_ = triggers.exclude(status=Trigger.Status.CLOSED).order_by("name", "pk")
    return [
        _named(TRIGGERS, [(row.name, reverse("triggers:detail", args=[row.pk])) for row in open_]),
        _named(
            WORKFLOWS,
            [(row.name, reverse("workflows:detail", args=[row.pk])) for row in _workflows(connection)],
        ),
    ]


def _workflows(connection: Connection) -> list[Workflow]:
    """The published ones that start on it or act on it. Steps name connections inside JSON, so each is read."""
    rows = Workflow.objects.filter(workspace=connection.workspace_id, live__isnull=False)
    running = rows.filter(Q(status=Workflow.Status.ACTIVE) | Q(status=Workflow.Status.PAUSED))
    return [
        row
        for row in running.select_related("live", "trigger").order_by("name", "pk")
        if row.trigger.connection_id == connection.pk
        or (row.live is not None and connection.pk in connections_of(row.live.definition))
    ]


def _named(what: str, found: list[tuple[str, str]]) -> Dependents:
    return Dependents(what, found[:_MOST_NAMED], max(0, len(found) - _MOST_NAMED))


def names_of(connection: Connection) -> dict[str, list[str]]:
    """The same by name alone, as the receipt keeps them."""
    return {
        found.what: [name for name, _ in found.names] + ([f"and {found.more} more"] if found.more else [])
        for found in of(connection)
        if found.names
    }
