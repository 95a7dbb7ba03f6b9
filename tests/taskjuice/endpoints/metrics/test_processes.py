"""What processes counted stays counted, and what they have in flight ends with them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core import metrics
from tests.support.present import present
from tests.taskjuice.endpoints.metrics.reading import ROOT, read, value

pytestmark = pytest.mark.django_db
COUNT_AND_DIE = """
import os, signal, sys
from core.metrics import REFRESHES
REFRESHES.labels("stored").inc()
if sys.argv[1] == "forks":
    if os.fork() == 0:
        REFRESHES.labels("stored").inc()
        os.kill(os.getpid(), signal.SIGKILL)
    os.wait()
    REFRESHES.labels("stored").inc()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_killed_processes_counted_stays_counted_in_no_more_files(
    tmp_path: Path, monkeypatch: Any
) -> None:
    env = {"PATH": os.environ["PATH"], metrics.FOLDER: str(tmp_path), "PYTHONPATH": str(ROOT)}
    for how in ("alone", "forks", "alone", "alone"):
        done = subprocess.run([sys.executable, "-c", COUNT_AND_DIE, how], env=env, cwd=ROOT, check=False)
        assert done.returncode < 0

    monkeypatch.setenv(metrics.FOLDER, str(tmp_path))
    assert value(read(), "refreshes_total", result="stored") == 6
    assert sorted(path.name for path in tmp_path.glob("*.lock")) == ["0.lock", "1.lock"]
    metrics.clean(tmp_path)
    assert list(tmp_path.iterdir()) == []


WORK = """
import os, sys
from core.metrics import gauge
gauge("taskjuice_in_flight", "As a worker process has it").set(5)
print("set", flush=True)
sys.stdin.read()
"""


def test_what_a_process_has_in_flight_ends_with_it_however_it_ends(tmp_path: Path, monkeypatch: Any) -> None:
    env = {"PATH": os.environ["PATH"], metrics.FOLDER: str(tmp_path), "PYTHONPATH": str(ROOT)}
    monkeypatch.setenv(metrics.FOLDER, str(tmp_path))

    def work() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", WORK]
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert present(process.stdout).readline() == b"set\n"
        return process

    killed, other = work(), work()
    assert value(read(), "in_flight") == 10
    killed.kill()
    killed.wait()
    assert value(read(), "in_flight") == 5
    assert value(read(), "in_flight") == 5, "the lock of a living process is as it was"
    replacement = work()  # in the slot of the killed one
    assert sorted(path.name for path in tmp_path.glob("*.lock")) == ["0.lock", "1.lock"]
    assert value(read(), "in_flight") == 10
    for process in (other, replacement):
        process.communicate()
    assert value(read(), "in_flight") == 0
