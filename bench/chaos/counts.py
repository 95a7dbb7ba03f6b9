"""Count by SQL what became of the events, in the product's database and in the sandbox's store."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from bench.figures import Row, exactly
from bench.stack import Stack

_UNFINISHED = (
    "SELECT (SELECT COUNT(*) FROM workflows_event WHERE status = 'queued')"
    " + (SELECT COUNT(*) FROM workflows_run WHERE finished_at IS NULL)"
)
# Runs of a lane that began before the one before them had ended, or in another order than the events arrived.
_OVERTAKEN = """SELECT started_at, before FROM (
  SELECT started_at, LAG(finished_at) OVER (PARTITION BY workflow_id, lane ORDER BY event_id) AS before
  FROM workflows_run) AS runs WHERE started_at < before"""
# With PostgreSQL each process counts on from the database's time, which it knows to 25 ms in either direction
# (core.db.clock), so two processes may be twice as far apart.
_CLOCKS_APART = timedelta(seconds=0.05)
_MISPLACED = """SELECT COUNT(*) FROM (
  SELECT external_id, LAG(external_id) OVER (PARTITION BY trigger_id, lane ORDER BY seq) AS before
  FROM workflows_event) AS events WHERE external_id < before"""
_NOTES = """SELECT json_extract(body, '$.content'), account, seq FROM docs WHERE kind = 'note' ORDER BY seq"""


@dataclass(frozen=True)
class Counts:
    lost: int
    doubled: int
    doubled_notes: int
    out_of_order: int
    stuck: int


def unfinished(stack: Stack) -> int:
    """Return the number of events without runs and of runs without an end."""
    return int(stack.rows(_UNFINISHED)[0][0])


def finished(stack: Stack) -> int:
    """Return the number of finished runs."""
    return _number(stack, "SELECT COUNT(*) FROM workflows_run WHERE finished_at IS NOT NULL")


def count(stack: Stack, accepted: Iterable[str]) -> Counts:
    """Return the figures of a proof. accepted: the ids of the events that were answered 2xx."""
    names = set(accepted)
    done = {
        name
        for (name,) in stack.rows(
            "SELECT event.external_id FROM workflows_event event JOIN workflows_run run"
            " ON run.event_id = event.seq WHERE event.status = 'done' AND run.status = 'completed'"
        )
    }
    notes = [row for row in stack.theirs(_NOTES) if row[0] in names]
    written = [name for name, _, _ in notes]
    return Counts(
        lost=len(names - done) + len(names - set(written)),
        doubled=_number(
            stack,
            "SELECT COUNT(*) FROM (SELECT event_id FROM workflows_run GROUP BY event_id, workflow_id"
            " HAVING COUNT(*) > 1) AS twice",
        )
        + _number(
            stack,
            "SELECT COUNT(*) FROM (SELECT external_id FROM workflows_event GROUP BY trigger_id, external_id"
            " HAVING COUNT(*) > 1) AS twice",
        ),
        doubled_notes=len(written) - len(set(written)),
        out_of_order=_out_of_order(stack, notes),
        stuck=unfinished(stack)
        + _number(stack, "SELECT COUNT(*) FROM workflows_event WHERE status = 'failed'"),
    )


def rows(name: str, counts: Counts) -> list[Row]:
    return [
        exactly(f"{name}: events lost", 0, counts.lost, "events"),
        exactly(f"{name}: runs doubled", 0, counts.doubled, "runs"),
        exactly(f"{name}: notes doubled at the provider", 0, counts.doubled_notes, "notes"),
        exactly(f"{name}: out of order", 0, counts.out_of_order, "runs"),
        exactly(f"{name}: stuck", 0, counts.stuck, "events"),
    ]


def _number(stack: Stack, sql: str) -> int:
    return int(stack.rows(sql)[0][0])


def _out_of_order(stack: Stack, notes: list[tuple[str, str, int]]) -> int:
    parts = {
        "runs begun before the one before them ended": _overtaken(stack),
        "events in another order than sent": _number(stack, _MISPLACED),
        "notes in another order than sent": _notes_misplaced(notes),
    }
    if any(parts.values()):
        print(f"     out of order: {parts}", flush=True)
    return sum(parts.values())


def _overtaken(stack: Stack) -> int:
    # SQLite gives texts, of one machine's time.
    return sum(
        isinstance(before, str) or before - started > _CLOCKS_APART
        for started, before in stack.rows(_OVERTAKEN)
    )


def _notes_misplaced(notes: list[tuple[str, str, int]]) -> int:
    last: dict[str, str] = {}
    misplaced = 0
    for name, incident, _ in notes:
        misplaced += name < last.get(incident, "")
        last[incident] = name
    return misplaced
