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
                "trigger.created": "Trigger created",
                "trigger.changed": "Trigger updated",
                "trigger.secret_added": "Signing secret added",
                "trigger.secret_retired": "Signing secret deleted",
                "trigger.tested": "Test event sent",
                "trigger.deleted": "Trigger deleted",
                "event.requeued": "Event retried",
                "workflow.created": "Workflow created",
                "workflow.changed": "Workflow updated",
                "workflow.published": "Workflow published",
                "workflow.rolled_back": "Workflow version restored",
                "workflow.tested": "Live test run",
                "workflow.ran_on_test": "Workflow run on a test event",
                "workflow.active": "Workflow resumed",
                "workflow.paused": "Workflow paused",
                "workflow.paused_for_safety": "Workflow paused (safety limit)",
                "workflow.archived": "Workflow archived",
                "run.replayed": "Run replayed from the start",
                "run.retried": "Run retried from failed step",
                "replay.started": "Bulk replay started",
                "replay.cancelled": "Bulk replay cancelled",
                "run.cancelled": "Run cancelled",
                "run.paused": "Run paused",
                "run.resumed": "Run resumed",
                "hook.created": "Webhook endpoint created",
                "hook.changed": "Webhook endpoint updated",
                "hook.secret_rotated": "Webhook endpoint secret rolled",
                "hook.tested": "Webhook endpoint tested",
                "hook.replayed": "Failed deliveries resent",
                "hook.deleted": "Webhook endpoint deleted",
            }
        )
