"""Fair scheduling: the first row of each lane, workspaces in turn and in each its triggers or workflows.

So a burst of one delays no other.

Lanes are found by hopping through an index from one to the next, so what a look costs grows with the number of
workspaces and lanes that have something open, never with how much waits in a lane.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from typing import Any

from django.db import connection

from core.db import clock
from core.db.hot import prepared

_HOPS = 500
# Each probe is ordered as its index is, down to the last column: else a planner may take another index and read rows
# that ended long ago.
_NEXT_WORKSPACE = """(SELECT workspace_id FROM {{table}} WHERE {{busy}} AND workspace_id > {after}
    ORDER BY workspace_id, {{busy_order}} LIMIT 1)"""
_WORKSPACES = f"""
WITH RECURSIVE hop(workspace, number) AS (
  SELECT {_NEXT_WORKSPACE.format(after="%(workspace)s")}, 1
  UNION ALL
  SELECT {_NEXT_WORKSPACE.format(after="hop.workspace")}, hop.number + 1
  FROM hop WHERE hop.workspace IS NOT NULL AND hop.number < %(hops)s
)
SELECT workspace, CASE WHEN {{worth}} THEN 1 ELSE 0 END FROM hop WHERE workspace IS NOT NULL ORDER BY number
"""  # noqa: S608 - names of our own
_NEXT_LANE = """COALESCE(
    (SELECT seq FROM {{table}} WHERE {{open}} AND workspace_id = {workspace}
     AND {{part}} = {part} AND lane > {lane} ORDER BY lane, seq LIMIT 1),
    (SELECT seq FROM {{table}} WHERE {{open}} AND workspace_id = {workspace}
     AND {{part}} > {part} ORDER BY {{part}}, lane, seq LIMIT 1))"""
_FIRST = _NEXT_LANE.format(workspace="begin.workspace", part="begin.part", lane="begin.lane")
_NEXT = _NEXT_LANE.format(workspace="head.workspace_id", part="head.{part}", lane="head.lane")
_HEAD = f"head.workspace_id, head.{{part}}, head.lane, head.seq, CASE WHEN {{due}} THEN 1 ELSE 0 END, {_NEXT}"
# `begin` has a row for each workspace that is looked at. Each row says which one comes next, so that this one is found
# by comparing with a plain column: through row-level security PostgreSQL takes no index for anything more.
_LANES = f"""
WITH RECURSIVE begin(workspace, part, lane) AS ({{begin}}),
start(next) AS MATERIALIZED (SELECT {_FIRST} FROM begin),
hop(workspace, part, lane, seq, due, next, number) AS (
  SELECT {_HEAD}, 1 FROM start JOIN {{table}} head ON head.seq = start.next
  UNION ALL
  SELECT {_HEAD}, hop.number + 1 FROM hop JOIN {{table}} head ON head.seq = hop.next
  WHERE hop.number < %(hops)s
)
SELECT workspace, part, lane, seq, due FROM hop ORDER BY number
"""  # noqa: S608 - as above
_Lane = tuple[Any, str]
_Begin = tuple[str, dict[str, Any]]


def _as_values(lanes: list[tuple[Any, Any, str]]) -> _Begin:
    """The rows of `begin`, and the parameters in it."""
    rows, values = [], dict[str, Any]()
    for number, lane in enumerate(lanes):
        names = [f"{name}{number}" for name in "wpl"]
        rows.append(f"({', '.join(f'%({name})s' for name in names)})")
        values |= dict(zip(names, lane, strict=True))
    return f"VALUES {', '.join(rows)}", values


def _as_lists(lanes: list[tuple[Any, Any, str]]) -> _Begin:
    """The same, so that the statement is the same however many there are: PostgreSQL keeps its plan."""
    workspaces, parts, names = map(list, zip(*lanes, strict=True))
    rows = "SELECT * FROM unnest(%(workspaces)s::uuid[], %(parts)s::uuid[], %(lanes)s::text[])"
    return rows, {"workspaces": workspaces, "parts": parts, "lanes": names}


_BEGIN = {"sqlite": _as_values, "postgresql": _as_lists}


@dataclass
class FairSchedule:
    """The lanes of one table. part: the column that makes a lane together with `lane`.

    open: SQL, what keeps the later ones of its lane waiting; the condition of an index (workspace, part, lane, seq).
    busy, busy_order: SQL, which rows a workspace must have to be considered; the condition of an index that begins
    with the workspace, and what follows there.
    worth: SQL, whether the workspace `hop.workspace` is worth a look now; may say {table} and {busy}.
    due: SQL, whether the first of a lane may be taken up.
    Each process has its own, because it goes on where it ended: where there are more lanes than one look sees, all of
    them are seen in the end.
    """

    table: str
    part: str
    open: str
    busy: str
    busy_order: str
    worth: str
    due: str
    # Whether the last look left out rows that may be due, because a workspace had its share or all of them together.
    cut: bool = False
    _after: Any = None
    _lanes: dict[Any, _Lane] = field(default_factory=dict)

    def next(self, limit: int) -> list[int]:
        """`seq` of at most `limit` rows that may be taken up now: workspaces in turn, and in each its parts."""
        workspaces, found = self._workspaces(), list[list[int]]()
        self.cut = False
        while sum(map(len, found)) < limit:
            these = list(islice(workspaces, limit))
            if not these:
                break
            heads = self._heads(these, share=max(1, limit // len(these)))
            found += [heads[workspace] for workspace in these if heads[workspace]]
            self._after = next((one for one in reversed(these) if heads[one]), self._after)
        else:
            self.cut = True
        return _in_turn(found)[:limit]

    def _workspaces(self) -> Iterator[Any]:
        """Workspaces with due work, round-robin from the last one served."""
        nowhere = _stored(uuid.UUID(int=0))
        begin = nowhere if self._after is None else self._after
        yield from self._worth_it(begin)
        if begin != nowhere:
            for workspace in self._worth_it(nowhere):
                if workspace > begin:
                    return
                yield workspace

    def _worth_it(self, after: Any) -> Iterator[Any]:
        while True:
            page = self._ask(_WORKSPACES, workspace=after)
            yield from (workspace for workspace, now in page if now)
            if len(page) < _HOPS:
                return
            after = page[-1][0]

    def _heads(self, workspaces: list[Any], share: int) -> dict[Any, list[int]]:
        """The first due row of each workspace's lanes, parts in turn; a subset if there are very many lanes."""
        due: dict[Any, dict[int, Any]] = {workspace: {} for workspace in workspaces}
        first = (_stored(uuid.UUID(int=0)), "")
        at = {workspace: self._lanes.pop(workspace, first) for workspace in workspaces}
        from_first = {workspace for workspace, lane in at.items() if lane == first}
        hops = max(_HOPS // len(workspaces), share)
        while at:
            pages = self._pages(at, hops)
            for workspace in list(at):
                page = pages.get(workspace, [])
                due[workspace] |= {seq: part for _, part, _, seq, is_due in page if is_due}
                if len(page) == hops:
                    at[workspace] = self._lanes[workspace] = (page[-1][1], page[-1][2])
                else:
                    self._lanes.pop(workspace, None)
                    at[workspace] = first
                    if workspace in from_first:
                        del at[workspace]
                    from_first.add(workspace)
                if len(due[workspace]) >= share:
                    at.pop(workspace, None)
                    self.cut = True
        return {workspace: _parts_in_turn(parts)[:share] for workspace, parts in due.items()}

    def _pages(self, at: dict[Any, _Lane], hops: int) -> dict[Any, list[tuple[Any, ...]]]:
        """The next lanes of each workspace behind the one it is at."""
        pages: dict[Any, list[tuple[Any, ...]]] = {}
        begin, values = _BEGIN[connection.vendor]([(workspace, *lane) for workspace, lane in at.items()])
        for row in self._ask(_LANES, begin=begin, hops=hops, **values):
            pages.setdefault(row[0], []).append(row)
        return pages

    def filled_in(self, sql: str, begin: str = "") -> str:
        """One of the statements above, for this table."""
        names = ("table", "part", "open", "busy", "busy_order", "due")
        parts = {name: getattr(self, name) for name in names}
        return sql.format(worth=self.worth.format(**parts), begin=begin, **parts)

    def _ask(self, sql: str, begin: str = "", **values: Any) -> list[tuple[Any, ...]]:
        now = connection.ops.adapt_datetimefield_value(clock.now())
        asked = {"now": now, "hops": _HOPS} | values
        with prepared.run(self.filled_in(sql, begin), asked) as cursor:
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _parts_in_turn(parts: dict[int, Any]) -> list[int]:
    """Return the rows, `seq` to part, in turn by part: of each the oldest first, as the part with the oldest."""
    of_part: dict[Any, list[int]] = {}
    for seq in sorted(parts):
        of_part.setdefault(parts[seq], []).append(seq)
    return _in_turn(list(of_part.values()))


def _in_turn(lists: list[list[int]]) -> list[int]:
    return [one for one in chain.from_iterable(zip_longest(*lists)) if one is not None]


def _stored(value: uuid.UUID) -> Any:
    """As a cursor of this database gives and takes it."""
    return value if connection.features.has_native_uuid_field else value.hex
