"""Candidates: runs that were found due, until they are begun; workspaces in turn at each single start."""

import random
import time
import uuid
from collections.abc import Iterator

from core.db import clock
from core.db.hot import rows
from core.db.hot.at_time import AtTime
from workflows.models import Run
from workflows.queue.fair_scheduling import FairSchedule
from workflows.queue.in_flight import Place, Reserved

# So long a run counts as it was read: claiming compares it with its row anyway.
_KEPT_SECONDS = 1.0
_TESTS_AT_ONCE = 50
_FEW = 4
_TESTS = AtTime(lambda now: Run.objects.tests_due(now).values_list("seq")[:_TESTS_AT_ONCE])


class Candidates:
    """The first due run of each lane, as far as they were found. None are at first. Used by one thread."""

    def __init__(self, schedule: FairSchedule) -> None:
        self._schedule = schedule
        self._runs: dict[uuid.UUID | None, list[Run]] = {}
        self._read_at: dict[int, float] = {}
        self._looked_at = 0.0
        # Whether the last look left out runs that may be due.
        self.cut = False

    def __bool__(self) -> bool:
        return bool(self._runs)

    def age(self) -> float:
        """Return the seconds since the last look."""
        return time.monotonic() - self._looked_at

    def look(self, limit: int) -> None:
        """Find at most `limit` runs that are due, not held, and the first of their lane."""
        now = time.monotonic()
        kept = {run.seq: run for run in self._all() if now - self._read_at[run.seq] < _KEPT_SECONDS}
        tests = [seq for (seq,) in _TESTS.rows(clock.now())]
        order = [*tests, *self._schedule.next(limit)][:limit]
        self.cut = self._schedule.cut or len(tests) == _TESTS_AT_ONCE
        read = {run.seq: run for run in _read([seq for seq in order if seq not in kept])}
        found = kept | read
        self._read_at = {seq: self._read_at[seq] if seq in kept else now for seq in found}
        self._runs.clear()
        for run in (found[seq] for seq in order if seq in found):
            # A test of a draft is for a person who waits; None is before all workspaces.
            self._runs.setdefault(None if run.version_id is None else run.workspace_id, []).append(run)
        for workspace, runs in self._runs.items():
            self._runs[workspace] = _from_anywhere(runs)
        self._looked_at = now

    def take(self, place: Place) -> tuple[Run, Reserved] | None:
        """Remove and return a run with its room, of the workspace with the least in flight; of equals, in turn."""
        for workspace in sorted(self._runs, key=lambda one: -1 if one is None else place.load(one)):
            runs = self._runs[workspace]
            for number, run in enumerate(runs):
                if (reserved := place.reserve(run.workspace_id, run.next_connection)) is not None:
                    del runs[number], self._runs[workspace]
                    if runs:
                        self._runs[workspace] = runs  # behind all others
                    return run, reserved
        return None

    def forget(self) -> None:
        """Forget what was found, because others have taken it."""
        self._runs.clear()
        self._looked_at, self.cut = 0.0, False

    def _all(self) -> Iterator[Run]:
        for runs in self._runs.values():
            yield from runs


def _read(seqs: list[int]) -> list[Run]:
    """Return the runs that are still due, each with its version, event and trigger."""
    # Another worker may have taken one since; what is seen here is what a claim holds against.
    # By primary keys, one table after the other: joined, a planner that does not know the tables yet reads all events.
    now = clock.now()
    runs = [run for run in rows.of_keys(Run, seqs).values() if run.is_due(now)]
    rows.fetch_related(runs, "version")
    rows.fetch_related(rows.fetch_related(runs, "event"), "trigger")
    return runs


def _from_anywhere(runs: list[Run]) -> list[Run]:
    """All of them, beginning somewhere: workers that look at the same moment do not all want the same one next."""
    begin = random.randrange(len(runs)) if len(runs) > _FEW else 0  # noqa: S311 - nothing depends on it
    return runs[begin:] + runs[:begin]
