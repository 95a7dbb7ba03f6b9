"""Resource usage of processes from Linux's /proc (proc(5))."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_ESTABLISHED = "01"


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def of_group(group: int) -> Iterator[int]:
    """Return the present processes of a process group."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(_stat(int(folder.name))[2]) == group:
                yield int(folder.name)
        except (FileNotFoundError, ProcessLookupError):
            continue


def kill_group(group: int) -> None:
    """Send SIGKILL to a process group, if it exists."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def resume_group(group: int) -> None:
    """Send SIGCONT to a process group, if it exists."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGCONT)


def seconds(pid: int) -> float:
    """Return the processor time (utime and stime); 0 for an ended process."""
    try:
        fields = _stat(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_kilobytes(pid: int) -> float:
    """Return the peak resident memory; 0 for an ended process."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return float((status.partition("VmHWM:")[2].split() or ["0"])[0])


def _stat(pid: int) -> list[str]:
    """Return the fields after the command's name in /proc/<pid>/stat."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def connections(pid: int, port: int) -> int:
    """Return the number of its established TCP connections to that port; 0 for an ended process."""
    own = set()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                own.add(os.readlink(entry))
    return len(own & _sockets_to(port))


def _sockets_to(port: int) -> set[str]:
    """Return the established sockets of this machine to that port, named as in /proc/<pid>/fd."""
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            fields = line.split()
            if fields[3] == _ESTABLISHED and int(fields[2].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found
