"""Metrics of this process for /metrics: in memory, or in files of a folder that `manage.py up` names.

Each process writes into mapped files of its own slot, without a lock between processes or a call to the system. A
slot is held by a file lock, which the kernel lets go of however its process ends; the next process takes the slot and
counts on from there. So nothing is lost by kill -9, and there are never more files than processes at the same time.
Gauges say what is true now, so those of an ended process are removed.
"""

import fcntl
import os
import sys
import threading
from pathlib import Path
from typing import IO

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, values

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_MOST_SLOTS = 256
_GAUGES = "gauge_livesum"
_FILES = ("counter", "histogram", _GAUGES)
# What prometheus-client gives a new file. Allocated beforehand: a mapped page for which the disk has no room would
# end the process.
_FILE_SIZE = 1024 * 1024
_held: tuple[int, str, IO[bytes] | None] = (0, "", None)
# A file lock belongs to the process, so its threads keep out of each other's way by themselves.
_looking = threading.Lock()


def _slot() -> str:
    """The name of this process's files; a process that was forked off gets one of its own."""
    global _held  # noqa: PLW0603 - one for each process
    if _held[0] != os.getpid():
        _held = (os.getpid(), *_free_slot(Path(os.environ[FOLDER])))
    return _held[1]


def _free_slot(folder: Path) -> tuple[str, IO[bytes] | None]:
    """A slot that no living process holds, and the locked file that keeps it."""
    for number in range(_MOST_SLOTS):
        lock = _locked(folder / f"{number}.lock")
        if lock is None:
            continue
        _gauges(folder, str(number)).unlink(missing_ok=True)
        if sys.platform == "linux":
            for kind in _FILES:
                with (folder / f"{kind}_{number}.db").open("ab") as file:
                    os.posix_fallocate(file.fileno(), 0, _FILE_SIZE)
        return str(number), lock
    return f"p{os.getpid()}", None


def _locked(path: Path) -> IO[bytes] | None:
    """The file, locked until it is closed; None if another process has locked it."""
    lock = path.open("ab")
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def _gauges(folder: Path, slot: str) -> Path:
    return folder / f"{_GAUGES}_{slot}.db"


def forget_ended(folder: Path) -> None:
    """Remove the gauges of processes that have ended, however they did."""
    of, _, own = _held
    # Its own lock would be lost with the file that is closed here.
    kept = Path(str(own.name)) if own is not None and of == os.getpid() else None
    with _looking:
        for path in folder.glob("*.lock"):
            if path != kept and (lock := _locked(path)) is not None:
                _gauges(folder, path.stem).unlink(missing_ok=True)
                lock.close()


def clean(folder: Path) -> None:
    """Make the folder, without what processes of an earlier time have counted."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("*.db", "*.lock"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


COUNTED = CollectorRegistry()
disable_created_metrics()  # type: ignore[no-untyped-call]
if FOLDER in os.environ:
    values.ValueClass = values.MultiProcessValue(process_identifier=_slot)  # type: ignore[no-untyped-call]


def counter(name: str, what: str, label: str, known: tuple[str, ...] = ()) -> Counter:
    """A counter with one label. known: values that are there from the beginning, so that a first one is a rise."""
    made = Counter(name, what, [label], registry=COUNTED)
    for value in known:
        made.labels(value)
    return made


def gauge(name: str, what: str, label: str = "", known: tuple[str, ...] = ()) -> Gauge:
    """A gauge of what this process does now, with at most one label; /metrics adds up those of living processes."""
    made = Gauge(name, what, [label] if label else [], registry=COUNTED, multiprocess_mode="livesum")
    for value in known:
        made.labels(value)
    return made


REFRESHES = counter(
    "taskjuice_refreshes",
    "Grant refreshes by result; failed: retried, refused: needs reconnecting",
    "result",
    ("stored", "failed", "refused"),
)
PROVIDER_REFUSALS = counter(
    "taskjuice_provider_refusals",
    "429 responses of a provider, which our own rate limit should prevent",
    "provider",
)
BUDGET_WAITS = counter(
    "taskjuice_budget_waits",
    "Requests delayed by our rate limit; spent: the budget is used up, blocked: the provider named a time",
    "because",
    ("spent", "blocked"),
)
LOG_LINES = counter("taskjuice_log_lines", "Log lines of warnings and errors", "level", ("warning", "error"))
