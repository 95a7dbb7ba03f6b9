"""The product as installed: `manage.py up --sandbox` on its own database, removed at the end."""

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests

from bench import processes

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/taskjuice")
_PATIENCE = 180.0


def wait_for(what: str, look: Callable[[], Any], seconds: float = _PATIENCE, every: float = 0.1) -> Any:
    """Return the first truthy result of `look`, called every `every` seconds. Raise TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        time.sleep(every)
    raise TimeoutError(f"waited {seconds:.0f} s for {what}")


class Stack:
    """A running product with its demo agency. kind: `sqlite` or `postgresql`. Also a context manager.

    database: the URL of a database that the caller creates and removes. env: further variables.
    """

    def __init__(
        self, kind: str, port: int, *, workers: int = 2, database: str = "", env: dict[str, str] | None = None
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="taskjuice-bench-")
        self.port, self.url, self.sandbox_url = (
            port,
            f"http://127.0.0.1:{port}",
            f"http://127.0.0.1:{port + 1}",
        )
        self.log = Path(self._folder.name) / "up.log"
        self._server = ""
        self._up: subprocess.Popen[bytes] | None = None
        self._served: dict[int, float] = {}
        self.http = requests.Session()
        self.http.trust_env = False
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.env = kept | {
            "DATABASE_URL": database or self._new_database(kind),
            "PUBLIC_BASE_URL": self.url,
            "NODE_NAME": f"bench-{port}",
            "TASK_WORKERS": str(workers),
            "PAGERDUTY_SETTLE_SECONDS": "20",
        }
        self.env |= env or {}
        self._arguments = ["--sandbox"]

    def _new_database(self, kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{self._folder.name}/bench.sqlite3"
        parts = urlsplit(POSTGRES)
        self._name = f"taskjuice_bench_{uuid.uuid4().hex[:12]}"
        self._server = urlunsplit(parts._replace(path="/postgres"))
        # As operators are told: a role that owns the database and is subject to row-level security.
        password = secrets.token_hex(16)
        self._on_server(f"CREATE ROLE {self._name} LOGIN PASSWORD '{password}' NOSUPERUSER NOBYPASSRLS")
        self._on_server(f"CREATE DATABASE {self._name} OWNER {self._name}")
        whereabouts = parts.netloc.rpartition("@")[2]
        own = f"{self._name}:{password}@{whereabouts}"
        return urlunsplit(parts._replace(netloc=own, path=f"/{self._name}"))

    def _on_server(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def copy(self) -> Iterator[str]:
        """Return the URL of a copy of the database, made while the product is stopped."""
        url = self.env["DATABASE_URL"]
        if not self._server:
            copy = f"{url}-copy"
            with (
                closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source,
                closing(sqlite3.connect(copy.removeprefix("sqlite:///"))) as target,
            ):
                source.backup(target)
            yield copy
            return
        name = f"{self._name}_copy"
        self._on_server(f"CREATE DATABASE {name} TEMPLATE {self._name} OWNER {self._name}")
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            self._on_server(f"DROP DATABASE {name} WITH (FORCE)")

    def start(self) -> None:
        """Start and wait until ready. Raise RuntimeError if it ends instead, or another program has its port."""
        if self._taken():
            raise RuntimeError(f"port {self.port} is in use")
        self.launch()
        wait_for("the product to be ready", self._ready)

    def launch(self) -> None:
        """Start its processes, without waiting until they are ready."""
        command = [sys.executable, "manage.py", "up", *self._arguments, "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._up = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log)

    def another_node(self, port: int, name: str) -> "Stack":
        """Return a further node on the same database and sandbox, not started."""
        node = Stack("", port, database=self.env["DATABASE_URL"])
        node.env = self.env | {"NODE_NAME": name}
        node.sandbox_url, node._arguments = self.sandbox_url, []
        return node

    @property
    def up(self) -> int | None:
        """Return the pid of `manage.py up`, which is the watchdog; None while it does not run."""
        return self._up.pid if self._up is not None and self._up.poll() is None else None

    def kill(self) -> None:
        """Kill everything at once, as a power cut does; return when its port is free again."""
        if self._up is None:
            return
        found = [self._up.pid, *processes.children(self._up.pid)] if self.up else []
        for pid in found:
            processes.kill_group(pid) if pid != self._up.pid else os.kill(pid, signal.SIGKILL)
        self._up.wait()
        self._up = None
        # The web processes are not children of this one, and on a busy machine it takes a while until they are gone.
        wait_for("the killed web server to be gone", lambda: not self._taken())

    def _taken(self) -> bool:
        with socket.socket() as probe:
            return not probe.connect_ex(("127.0.0.1", self.port))

    def ready(self) -> bool:
        """Return whether /readyz is ok."""
        try:
            return self._ready()
        except RuntimeError:
            return False

    def _ready(self) -> bool:
        if self._up is None or self._up.poll() is not None:
            raise RuntimeError(self.log.read_text()[-4000:])
        try:
            return self.http.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """Stop every process; keep the database and the sandbox's store."""
        if self._up is not None:
            self._up.send_signal(signal.SIGTERM)
            self._up.wait(60)
            self._up = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop it and remove its database and files."""
        self.stop()
        if self._server:
            self._on_server(f"DROP DATABASE {self._name} WITH (FORCE)")
            self._on_server(f"DROP ROLE {self._name}")
        for path in (ROOT / "var").glob(f"sandbox-{self.port + 1}.sqlite3*"):
            path.unlink()
        self._folder.cleanup()

    def python(self, *arguments: str, stdin: str = "") -> str:
        """Run Python in the product's environment; return what it printed. Raise RuntimeError."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT, env=self.env, input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return done.stdout

    def talk(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Python in the product's environment, to exchange lines with."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def seed(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.python("manage.py", "seed_demo", "--json"))
        return made

    def api(self, key: str, path: str, body: Any) -> Any:
        """Send a POST to the product's API. Raise requests.HTTPError."""
        headers = {"Authorization": f"Bearer {key}"}
        answer = self.http.post(f"{self.url}/api/v1/{path}", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the sandbox's control API."""
        answer = self.http.request(method, f"{self.sandbox_url}/_sandbox/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query to the product's database."""
        url = self.env["DATABASE_URL"]
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as database:
                return database.execute(sql).fetchall()
        with psycopg.connect(url, options="-c taskjuice.wall=open") as connection:
            return connection.execute(sql).fetchall()

    def theirs(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query to the sandbox's store (pagerduty_app.sandbox.world.store)."""
        path = ROOT / "var" / f"sandbox-{self.port + 1}.sqlite3"
        with closing(sqlite3.connect(path, timeout=20)) as database:
            return database.execute(sql).fetchall()

    def child(self, part_of_command: str) -> int:
        """Return the pid of the child of `up` with that command line."""
        if self._up is None:
            raise RuntimeError("it does not run")
        for pid in processes.children(self._up.pid):
            if part_of_command in processes.command(pid):
                return pid
        raise RuntimeError(f"no child runs {part_of_command}")

    def processor_seconds(self, part_of_command: str) -> float:
        """Return the processor time of that child and its descendants."""
        return sum(map(processes.seconds, processes.of_group(self.child(part_of_command))))

    def peak_kilobytes(self, part_of_command: str) -> float:
        """Return the peak memory of that child and its descendants."""
        return sum(map(processes.peak_kilobytes, processes.of_group(self.child(part_of_command))))

    def database_seconds(self) -> float:
        """Return the processor time of PostgreSQL's connections seen at each call; 0 if it runs elsewhere."""
        if not self._server:
            return 0.0
        with psycopg.connect(self._server) as connection:
            served = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
            pids = [pid for (pid,) in connection.execute(served, [self._name])]
        self._served |= {pid: processes.seconds(pid) for pid in pids}
        return sum(self._served.values())
