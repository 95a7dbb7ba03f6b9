"""The room that decides what should happen."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"
    verbose_name = "Workflows"

    def ready(self) -> None:
        from connections.audit import labels  # noqa: PLC0415 - needs loaded apps
        from connections.extension_points import panels  # noqa: PLC0415 - needs loaded apps
        from workflows import health  # noqa: PLC0415 - needs loaded apps
        from workflows.notifications import kinds  # noqa: PLC0415 - needs loaded apps
        from workflows.presenters import (  # noqa: PLC0415
            call_panel,
            scope_report,
            trigger_panel,
        )
        from workflows.subscriptions import requests  # noqa: PLC0415 - needs loaded apps
        from workflows.worker import (  # noqa: PLC0415
            connection_signals,  # noqa: F401 - connects its signal receivers
            process_start,  # noqa: F401 - connects its signal receiver
        )

        health.register()
        panels.register(scope_report.PANEL)
        panels.register(trigger_panel.PANEL)
        call_panel.register()
        kinds.register()
        labels.register(requests.AUDIT_WORDS)
        labels.register(
            {
                "trigger.created": "Made a trigger",
                "trigger.changed": "Changed a trigger",
                "trigger.secret_added": "Added a signing secret",
                "trigger.secret_retired": "Retired a signing secret",
                "trigger.tested": "Sent a test event",
                "trigger.deleted": "Deleted a trigger",
                "event.requeued": "Tried a failed event again",
                "workflow.created": "Made a workflow",
                "workflow.changed": "Changed a workflow",
                "workflow.published": "Published a workflow",
                "workflow.rolled_back": "Went back to an earlier version of a workflow",
                "workflow.tested": "Tested a draft for real",
                "workflow.ran_on_test": "Ran a workflow on a test event",
                "workflow.active": "Resumed a workflow",
                "workflow.paused": "Paused a workflow",
                "workflow.paused_for_safety": "Paused a workflow that began too many runs (safety)",
                "workflow.archived": "Archived a workflow",
                "run.replayed": "Ran a run again from the start",
                "run.retried": "Retried a run from the failed step",
                "replay.started": "Replayed a selection of runs",
                "replay.cancelled": "Cancelled the replay of a selection",
                "run.cancelled": "Cancelled a run",
                "run.paused": "Paused a run",
                "run.resumed": "Resumed a run",
                "hook.created": "Made a hook",
                "hook.changed": "Changed a hook",
                "hook.secret_rotated": "Made a new secret for a hook",
                "hook.tested": "Tested a hook",
                "hook.replayed": "Sent dead letters again",
                "hook.deleted": "Deleted a hook",
            }
        )
