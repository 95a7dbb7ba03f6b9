"""The health of connections, triggers, workflows and workspaces, from what really happened to them."""

from connections.extension_points import dependents, health
from connections.models import Connection, Workspace
from workflows.models import Trigger, Workflow


def register() -> None:
    from workflows.health import (  # noqa: PLC0415 - needs loaded apps
        of_connections,
        of_triggers,
        of_workflows,
        of_workspaces,
        stopping,
    )

    dependents.register(stopping.of)
    health.register(Connection, of_connections.judge)
    health.register(Trigger, of_triggers.judge)
    health.register(Workflow, of_workflows.judge)
    health.register(Workspace, of_workspaces.judge)
