"""Child processes of `manage.py up`: started in a group of their own, ended whole, never outliving their parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

_PR_SET_PDEATHSIG = 1
_RESTART_DELAYS = (0.0, 0.5, 1.0, 2.0, 5.0)
_STEADY_SECONDS = 30.0


def _die_with_parent() -> None:
    """Linux: have the kernel send SIGTERM when the parent is gone, however it went."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One process that is kept running. `argv` follows the Python interpreter's name."""

    name: str
    argv: list[str]
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    restart_at: float = field(default=0.0)

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own command lines
            [sys.executable, *self.argv],
            env=self.env,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )
        self.started_at = time.monotonic()

    def keep_running(self) -> int | None:
        """Restart an ended child after a growing pause. Return the exit code of one that has just ended."""
        if self.process is None:
            if time.monotonic() >= self.restart_at:
                self.start()
            return None
        code = self.process.poll()
        if code is None:
            return None
        self.kill()  # its own children may still be at work
        steady = time.monotonic() - self.started_at > _STEADY_SECONDS
        self.failures = 0 if steady else self.failures + 1
        self.restart_at = time.monotonic() + _RESTART_DELAYS[min(self.failures, len(_RESTART_DELAYS) - 1)]
        self.process = None
        return code

    def terminate(self) -> None:
        """Ask the main process alone: the task cluster hangs when its whole group is told."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, seconds: float) -> bool:
        """Return whether the process ended within that time."""
        if self.process is None:
            return True
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End the whole group at once."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            self.process.wait()


def stop_all(children: list[Child], grace: float) -> None:
    """End all of them, politely for `grace` seconds."""
    for child in children:
        child.terminate()
    end = time.monotonic() + grace
    for child in children:
        child.wait(max(0.0, end - time.monotonic()))
        child.kill()
