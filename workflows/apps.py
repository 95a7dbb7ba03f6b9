"""The Django app that decides what should happen, and what it registers elsewhere when Django starts."""

# ruff: noqa: PLC0415 - what is imported needs loaded apps

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"
    verbose_name = "Workflows"

    def ready(self) -> None:
        _connect_receivers()
        _register_panels()
        _register_health_and_notifications()
        _register_audit_labels()


def _connect_receivers() -> None:
    from workflows.worker import connection_signals, process_start  # noqa: F401 - they connect their receivers


def _register_panels() -> None:
    from connections.extension_points import panels
    from workflows.presenters import call_panel, scope_report, trigger_panel

    panels.register(scope_report.PANEL)
    panels.register(trigger_panel.PANEL)
    call_panel.register()


def _register_health_and_notifications() -> None:
    from workflows import health
    from workflows.notifications import kinds

    health.register()
    kinds.register()


def _register_audit_labels() -> None:
    from connections.audit import labels
    from workflows.formatting import audit_labels
    from workflows.subscriptions import requests

    labels.register(requests.AUDIT_WORDS)
    labels.register(audit_labels.LABELS)
