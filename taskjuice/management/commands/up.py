"""`manage.py up`: the whole product in the foreground: web, background workers, watchdog, if asked the sandbox."""

import contextlib
import errno
import os
import re
import signal
import socket
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from core import metrics, node_slots
from core.db.postgresql import patience, roles
from taskjuice.process import migration_lock, web_server
from taskjuice.process.supervisor import Child, stop_all
from taskjuice.process.watchdog import Watchdog

log = structlog.get_logger(__name__)

_TICK = 0.1
_GRACE_SECONDS = 30.0


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class Command(BaseCommand):
    help = "Migrate, then run the web server, the background workers and the watchdog until stopped."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=urlsplit(settings.PUBLIC_BASE_URL).port or 8000)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--sandbox", action="store_true", help="also start a local PagerDuty sandbox")

    def handle(self, *, port: int, host: str, sandbox: bool, **options: Any) -> None:
        env = dict(os.environ)
        children = []
        if settings.LOOPBACK and "PUBLIC_BASE_URL" not in env:
            name = host if host in {"::1", "localhost"} else "127.0.0.1"
            env["PUBLIC_BASE_URL"] = f"http://{_in_url(name)}:{port}"
        if sandbox:
            sandbox_port = self._point_at_sandbox(env, port)
            self._require_free("127.0.0.1", sandbox_port)
            argv = ["manage.py", "pagerduty_sandbox", "--port", str(sandbox_port)]
            children.append(Child("sandbox", argv, env))
        self._require_free(host, port)
        counts, slots = self._count_together(env, port), self._share_slots(env, port)
        with migration_lock.alone():
            call_command("migrate", interactive=False, verbosity=0)
        patience.for_this_process(
            settings.DATABASE_PATIENCE_SECONDS
        )  # else a hung database would stop the watchdog
        if roles.passes_through(connection):
            log.error("row_level_security_off", because=roles.ADVICE)
        if not settings.DEVELOPMENT:
            call_command("collectstatic", interactive=False, verbosity=0)
        workers = Child("workers", ["manage.py", "qcluster"], env)
        children += [workers, Child("web", self._web(host, port), env)]
        try:
            self._run(children, Watchdog(workers), f"http://{_in_url(host)}:{port}")
        finally:
            metrics.clean(counts)
            slots.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                counts.rmdir()

    def _point_at_sandbox(self, env: dict[str, str], port: int) -> int:
        """Fill the PAGERDUTY_* settings that the environment leaves unset; answers the sandbox's port."""
        given = urlsplit(env.get("PAGERDUTY_IDENTITY_URL", ""))
        sandbox_port = given.port if given.port and given.hostname in {"127.0.0.1", "localhost"} else port + 1
        url = f"http://127.0.0.1:{sandbox_port}"
        for name, value in {
            "PAGERDUTY_IDENTITY_URL": url,
            "PAGERDUTY_API_URL": url,
            "PAGERDUTY_API_URL_EU": f"{url}/eu",
            "PAGERDUTY_CLIENT_ID": "taskjuice-development",
            "PAGERDUTY_CLIENT_SECRET": "sandbox-client-secret",
        }.items():
            env.setdefault(name, value)
        return sandbox_port

    def _count_together(self, env: dict[str, str], port: int) -> Path:
        """Have all processes of this machine count into one folder, which /metrics of any of them adds up."""
        folder = Path(env.setdefault(metrics.FOLDER, str(self._own_path("metrics", port))))
        metrics.clean(folder)
        return folder

    def _share_slots(self, env: dict[str, str], port: int) -> Path:
        """Have all processes of this node keep its bounds together, also those of an `up` before that still end."""
        path = Path(env.setdefault(node_slots.FILE, str(self._own_path("slots", port))))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _own_path(self, what: str, port: int) -> Path:
        name = re.sub(r"[^\w.-]", "_", settings.NODE_NAME)
        return settings.BASE_DIR / "var" / f"{what}-{name}-{port}"

    def _require_free(self, host: str, port: int) -> None:
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CommandError(f"Port {port} on {host} is in use. Choose another with --port.") from error
            raise CommandError(f"Cannot listen on {host}, port {port}: {error.strerror}.") from error

    def _web(self, host: str, port: int) -> list[str]:
        return web_server.command(
            "taskjuice.rsgi:application", host=host, port=port, workers=settings.WEB_WORKERS
        )

    def _run(self, children: list[Child], watchdog: Watchdog, url: str) -> None:
        stopping = False

        def stop(signum: int, frame: FrameType | None) -> None:
            nonlocal stopping
            stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            for child in children:
                child.start()
            self.stdout.write(f"TaskJuice is at {url}. Stop it with Ctrl-C.")
            while not stopping:
                for child in children:
                    code = child.keep_running()
                    if code is not None:
                        self.stderr.write(f"{child.name} ended with {code}; starting it again.")
                watchdog.look()
                time.sleep(_TICK)
        finally:
            stop_all(children, _GRACE_SECONDS)
