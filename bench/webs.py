"""Web servers on one stack's database, and senders that keep them busy, turn by turn."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bench import processes
from bench.stack import ROOT, wait_for
from taskjuice.process import web_server

WORKERS, THREADS = 2, 8  # as settings.py has them
PRODUCT = "taskjuice.rsgi:application"
FLOOR = "bench.floors:application"
_SENDERS_AT_MOST = 2


@dataclass
class Web:
    """One web server; the product's as `manage.py up` starts it. cold: seconds from start to first response."""

    application: str
    port: int
    env: dict[str, str]
    log: Path
    cold: float = 0.0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        line = self._command()
        begin = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *line],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(f"{self.application} to answer", self._answers, every=0.02)
        self.cold = time.monotonic() - begin
        return self

    def _command(self) -> list[str]:
        """Return the command. The floor runs without our gateway, whose cost counts for the product."""
        if self.application == PRODUCT:
            return web_server.command(self.application, host="127.0.0.1", port=self.port, workers=WORKERS)
        line = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port)]
        threads = ["--workers", str(WORKERS), "--blocking-threads", str(THREADS)]
        return [*line, *threads, "--log-level", "error", self.application]

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return line.recv(64).startswith(b"HTTP/1.1")
        return False

    def __exit__(self, *exc_info: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def members(self) -> list[int]:
        return list(processes.of_group(self._process.pid)) if self._process is not None else []

    def seconds(self) -> float:
        """Return the processor time so far."""
        return sum(map(processes.seconds, self.members()))

    def peak_megabytes(self) -> float:
        """Return the peak memory of the largest process."""
        return max(map(processes.peak_kilobytes, self.members())) / 1024


@dataclass(frozen=True)
class Turn:
    """The result of deliveries sent at once. waits: seconds."""

    per_second: float
    waits: list[float]
    statuses: dict[str, int]

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.statuses.items() if not status.startswith("2"))


def send(port: int, ways: list[tuple[str, str]], *, deliveries: int, senders: int, mark: str) -> Turn:
    """Send deliveries by senders that wait for each response. ways: (path, secret). mark: new each time."""
    processes_needed = min(_SENDERS_AT_MOST, senders)
    running = []
    for number in range(processes_needed):
        order = {
            "port": port,
            "ways": ways,
            "connections": senders // processes_needed,
            "deliveries": deliveries // processes_needed,
            "mark": f"{mark}{number}",
        }
        line = subprocess.Popen(
            [sys.executable, "-m", "bench.sender"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        _say(line, json.dumps(order))
        running.append(line)
    for line in running:
        if line.stdout is None or line.stdout.readline().strip() != "ready":
            raise RuntimeError("a sender did not get ready")
    for line in running:
        _say(line, "go")
    answers = [json.loads(line.communicate(timeout=120)[0]) for line in running]
    return _together(answers)


def _say(line: "subprocess.Popen[str]", text: str) -> None:
    if line.stdin is None:
        raise RuntimeError("a sender without an ear")
    line.stdin.write(f"{text}\n")
    line.stdin.flush()


def _together(answers: list[dict[str, Any]]) -> Turn:
    waits = [wait for answer in answers for wait in answer["waits"]]
    statuses: dict[str, int] = {}
    for answer in answers:
        for status, count in answer["statuses"].items():
            statuses[status] = statuses.get(status, 0) + count
    return Turn(len(waits) / max(answer["seconds"] for answer in answers), waits, statuses)
