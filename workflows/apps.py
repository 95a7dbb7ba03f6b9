"""The room that decides what should happen."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"
    verbose_name = "Workflows"

    def ready(self) -> None:
        from workflows import reactions  # noqa: F401, PLC0415 - connects its signal receivers
        from workflows.call_panel import register  # noqa: PLC0415 - needs loaded apps

        register()
