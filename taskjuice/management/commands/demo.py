"""`manage.py demo`: everything on this machine, the whole story once, then it keeps serving."""

import os
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from typing import Any, BinaryIO

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

_PATIENCE = 90.0


class Command(BaseCommand):
    help = "Start web, workers and sandbox on SQLite, run the demo, and keep serving (--once: exit)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--once", action="store_true", help="exit after the demo, with an error if a part failed"
        )

    def handle(self, *, port: int, once: bool, **options: Any) -> None:
        # Being told to stop ends it the way Ctrl-C does: with its servers.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        port = self._free_pair(port)
        env = {**os.environ, "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}"}
        path = settings.BASE_DIR / "var" / f"demo-{port}.log"
        path.parent.mkdir(exist_ok=True)
        self._say(f"Starting TaskJuice on port {port}; server logs: {path}")
        with path.open("wb") as log:
            self._run(env, port, log, once=once)

    def _run(self, env: dict[str, str], port: int, log: BinaryIO, *, once: bool) -> None:
        """Serve and tell the story. The terminal gets the story alone; everything else goes to `log`."""
        up = [sys.executable, "manage.py", "up", "--port", str(port), "--sandbox"]
        server = subprocess.Popen(up, env=env, stdout=log, stderr=log)  # noqa: S603 - our own command line
        try:
            self._wait(server, f"http://127.0.0.1:{port}/readyz")
            self._wait(server, f"http://127.0.0.1:{port + 1}/_sandbox/state")
            story = [sys.executable, "manage.py", "tell_story"]
            told = subprocess.run(story, env=env, stderr=log, check=False)  # noqa: S603 - likewise
            if told.returncode:
                raise CommandError(f"Demo failed. See {log.name}.")
            if not once:
                self._say("Stop it with Ctrl-C.")
                server.wait()
        except KeyboardInterrupt:
            pass
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()

    def _say(self, line: str) -> None:
        """Print at once: the story's own lines come from another process."""
        self.stdout.write(line)
        self.stdout.flush()

    def _free_pair(self, port: int) -> int:
        """The first port from `port` on that is free together with the next one, which the sandbox takes."""
        for candidate in range(port, port + 100, 2):
            if self._free(candidate) and self._free(candidate + 1):
                if candidate != port:
                    self._say(f"Port {port} or {port + 1} is in use; taking {candidate} instead.")
                return candidate
        raise CommandError(f"No free ports from {port} on.")

    def _free(self, port: int) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
        return True

    def _wait(self, server: subprocess.Popen[bytes], url: str) -> None:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and server.poll() is None:
            try:
                if requests.get(url, timeout=5).ok:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.2)
        raise CommandError(f"{url} did not become ready.")
