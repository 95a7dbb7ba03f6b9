"""The room that knows what PagerDuty is; it registers its part in the rooms below."""

from django.apps import AppConfig


class PagerDutyConfig(AppConfig):
    name = "pagerduty_app"
    verbose_name = "PagerDuty"

    def ready(self) -> None:
        from pagerduty_app import integration, provider  # noqa: PLC0415 - needs loaded apps

        integration.register()
        provider.register()
