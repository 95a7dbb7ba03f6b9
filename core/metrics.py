"""What this process counts for /metrics: in memory, or in files of a folder that `manage.py up` names.

Each process writes into mapped files of its own slot, without a lock between processes or a call to the system. A
slot is held by a file lock, which the kernel lets go of however its process ends; the next process takes the slot and
counts on from there. So nothing is lost by kill -9, and there are never more files than processes at the same time.
"""

import fcntl
import os
import sys
from pathlib import Path
from typing import IO

from prometheus_client import CollectorRegistry, Counter, disable_created_metrics, values

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_MOST_SLOTS = 256
_FILES = ("counter", "histogram")
# What prometheus-client gives a new file. Allocated beforehand: a mapped page for which the disk has no room would
# end the process.
_FILE_SIZE = 1024 * 1024
_held: tuple[int, str, IO[bytes] | None] = (0, "", None)


def _slot() -> str:
    """The name of this process's files; a process that was forked off gets one of its own."""
    global _held  # noqa: PLW0603 - one for each process
    if _held[0] != os.getpid():
        _held = (os.getpid(), *_free_slot(Path(os.environ[FOLDER])))
    return _held[1]


def _free_slot(folder: Path) -> tuple[str, IO[bytes] | None]:
    """A slot that no living process holds, and the locked file that keeps it."""
    for number in range(_MOST_SLOTS):
        lock = (folder / f"{number}.lock").open("ab")
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if sys.platform == "linux":
            for kind in _FILES:
                with (folder / f"{kind}_{number}.db").open("ab") as file:
                    os.posix_fallocate(file.fileno(), 0, _FILE_SIZE)
        return str(number), lock
    return f"p{os.getpid()}", None


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
