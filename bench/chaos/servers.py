"""A PostgreSQL and a Redis in temporary folders, which a proof may stop without affecting others."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import psycopg
import redis

_PATIENCE = 30.0


class OwnPostgres:
    """A cluster on 127.0.0.1:port with one empty database, run by an unprivileged user. A context manager."""

    def __init__(self, port: int) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        initdb = shutil.which("initdb") or (str(found[-1]) if found else "")
        if not initdb:
            raise RuntimeError("PostgreSQL's initdb is not on this machine")
        self._bin, self._port = Path(initdb).resolve().parent, port
        self._folder = Path(tempfile.mkdtemp(prefix="taskjuice-postgres-"))
        self._user = _nobody_special()
        if self._user:
            shutil.chown(self._folder, self._user)
        self.url = f"postgres://chaos@127.0.0.1:{port}/postgres"

    def __enter__(self) -> Self:
        self._run("initdb", "--username=chaos", "--auth=trust", "--no-sync", "--encoding=UTF8")
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        options = f"-p {self._port} -h 127.0.0.1 -k {self._folder}"
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, as a crash does: what was not on the disk is lost."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, "-D", self._folder / "data", *arguments],
            user=self._user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr[-1000:]}")


def _nobody_special() -> str | None:
    """Return the user to run it as; None for the present one. PostgreSQL refuses to run as root."""
    if os.getuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class OwnRedis:
    """A Redis on 127.0.0.1:port that keeps nothing. A context manager."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="taskjuice-redis-")
        self.url = f"redis://127.0.0.1:{port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()
        self._folder.cleanup()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(
            [*command, "--dir", self._folder.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            try:
                redis.Redis(port=self._port).ping()
                return
            except redis.RedisError:
                time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
