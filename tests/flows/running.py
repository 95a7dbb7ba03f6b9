"""The product as its users run it: real processes, a database of its own, and a sandbox to talk to."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests
from django.conf import settings

from bench.ports import free_port
from pagerduty_app.sandbox.control.faults import WORKS_FOR_SECONDS
from pagerduty_app.sandbox.server import SandboxServer
from tests.support import migrated

PATIENCE = 60.0
CLIENT = ("flow-tests", "flow-tests-secret")


def wait_for(what: str, look: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first truthy answer of `look`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


class OwnDatabase:
    """A new database of the kind the tests run on, removed at the end; migrated already, unless it is to be empty.

    env: what the product needs to use it, on PostgreSQL as the role that row-level security holds for.
    """

    def __init__(self, folder: Path, *, empty: bool = False) -> None:
        given = os.environ.get("DATABASE_URL", "")
        self._server = ""
        if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
            self._path = folder / "flow.sqlite3"
            if not empty:
                shutil.copyfile(migrated.template(), self._path)
            self.url = f"sqlite:///{self._path}"
            self.env = {"DATABASE_URL": self.url}
        else:
            parts = urlsplit(given)
            self.name = f"taskjuice_flow_{uuid.uuid4().hex[:12]}"
            self._server = urlunsplit(parts._replace(path="/postgres"))
            self.url = urlunsplit(parts._replace(path=f"/{self.name}"))
            like = "" if empty else f" TEMPLATE {migrated.template()}"
            self.env = {"DATABASE_URL": self.url}
            if role := settings.DATABASES["default"].get("OPTIONS", {}).get("assume_role"):
                self.env["DATABASE_ROLE"] = role
                like += f" OWNER {role}"
            self._on_server(f"CREATE DATABASE {self.name}{like}")

    def _on_server(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        if self._server:
            with psycopg.connect(self.url) as connection:
                return connection.execute(sql).fetchall()
        with closing(sqlite3.connect(self._path, timeout=20)) as database:
            return database.execute(sql).fetchall()

    def remove(self) -> None:
        if self._server:
            self._on_server(f"DROP DATABASE {self.name} WITH (FORCE)")


class Product:
    """`manage.py up` and a sandbox. Its log is `log` in the given folder."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "up.log"
        self.database = OwnDatabase(folder)
        self.theirs = SandboxServer(clients=dict([CLIENT]))
        self.theirs.__enter__()
        self.http = requests.Session()
        self.http.trust_env = False
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.env = kept | {
            **self.database.env,
            "PUBLIC_BASE_URL": self.url,
            "NODE_NAME": f"flow-{self.port}",
            "EMAIL_URL": f"filemail:///{folder}/mails",
            "PAGERDUTY_IDENTITY_URL": self.theirs.url,
            "PAGERDUTY_API_URL": self.theirs.url,
            "PAGERDUTY_API_URL_EU": f"{self.theirs.url}/eu",
            "PAGERDUTY_CLIENT_ID": CLIENT[0],
            "PAGERDUTY_CLIENT_SECRET": CLIENT[1],
            "PAGERDUTY_SETTLE_SECONDS": str(WORKS_FOR_SECONDS + 5),
        }
        self._up: subprocess.Popen[bytes] | None = None

    @property
    def sandbox(self) -> Any:
        return self.theirs.sandbox

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._up = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.port)],
                cwd=settings.BASE_DIR, env=self.env, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for("the product to be ready", self._ready)
        assert "row_level_security_off" not in self.log.read_text()

    def _ready(self) -> bool:
        assert self._up is not None
        assert self._up.poll() is None, self.log.read_text()[-4000:]
        try:
            return self.http.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def stop(self) -> None:
        if self._up is not None:
            self._up.terminate()
            self._up.wait(30)
        self.theirs.__exit__()
        self.database.remove()

    def manage(self, *arguments: str) -> str:
        """What a management command printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR, env=self.env, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    def mails(self) -> str:
        """Every mail that was sent so far."""
        folder = self.log.parent / "mails"
        return "".join(mail.read_text() for mail in folder.glob("*.log")) if folder.exists() else ""

    def seed(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.manage("seed_demo", "--json"))
        return made

    def api(self, key: str, method: str, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return self.http.request(method, f"{self.url}/api/v1/{path}", json=body, headers=headers, timeout=60)

    def kill_child(self, part_of_command: str) -> bool:
        """kill -9 of a child of `up`, with everything it started. False when it is not running just now."""
        assert self._up is not None
        children = Path(f"/proc/{self._up.pid}/task/{self._up.pid}/children").read_text().split()
        for pid in map(int, children):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                if part_of_command in command:
                    os.killpg(pid, signal.SIGKILL)
                    return True
            except (FileNotFoundError, ProcessLookupError):
                continue
        return False
