"""`manage.py pagerduty_sandbox`: a local PagerDuty in the foreground."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from pagerduty_app.sandbox.server import SandboxServer


class Command(BaseCommand):
    help = "Runs a local PagerDuty: sign-in, REST API, webhooks, pages, and a fault switch."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        configured = urlsplit(settings.PAGERDUTY_IDENTITY_URL)
        local = configured.hostname in {"127.0.0.1", "localhost"}
        default = configured.port if local and configured.port else urlsplit(settings.SANDBOX_URL).port
        parser.add_argument("--port", type=int, default=default)
        parser.add_argument("--database", default="", help="file for its state, or :memory:")

    def handle(self, *, port: int, database: str, **options: Any) -> None:
        path = database or str(settings.BASE_DIR / "var" / f"sandbox-{port}.sqlite3")
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        clients = {settings.PAGERDUTY_CLIENT_ID: settings.PAGERDUTY_CLIENT_SECRET}
        try:
            server = SandboxServer(port=port, path=path, clients=clients)
        except OSError as error:
            raise CommandError(f"Port {port} is in use. Choose another with --port.") from error

        def stop(signum: int, frame: FrameType | None) -> None:
            threading.Thread(target=server.stop).start()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        self.stdout.write(f"The sandbox is at {server.url}.")
        server.serve()
        server.close()
