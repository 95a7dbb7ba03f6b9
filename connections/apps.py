"""The room that decides who may act for whom."""

from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    name = "connections"
    verbose_name = "Connections"

    def ready(self) -> None:
        from connections.accounts import signup  # noqa: F401, PLC0415 - connects its signal receiver
        from connections.api import openapi  # noqa: F401, PLC0415 - registers itself
        from core.db.postgresql import checks  # noqa: F401, PLC0415 - as above
