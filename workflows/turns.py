"""Whose turn it is: the first of each lane, workspaces in turn, so that nobody's burst keeps others waiting.

Lanes are found by hopping through an index from one to the next, so what a look costs grows with the number of
workspaces and lanes that have something open, never with how much waits in a lane.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from typing import Any

from django.db import connection
from django.utils import timezone

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
    (SELECT seq FROM {{table}} WHERE {{open}} AND workspace_id = %(workspace)s
     AND {{part}} = {part} AND lane > {lane} ORDER BY lane, seq LIMIT 1),
    (SELECT seq FROM {{table}} WHERE {{open}} AND workspace_id = %(workspace)s
     AND {{part}} > {part} ORDER BY {{part}}, lane, seq LIMIT 1))"""
_LANES = f"""
WITH RECURSIVE hop(seq, part, lane, due, number) AS (
  SELECT seq, {{part}}, lane, CASE WHEN {{due}} THEN 1 ELSE 0 END, 1
  FROM {{table}} WHERE seq = {_NEXT_LANE.format(part="%(part)s", lane="%(lane)s")}
  UNION ALL
  SELECT head.seq, head.{{part}}, head.lane, CASE WHEN {{due}} THEN 1 ELSE 0 END, hop.number + 1
  FROM hop JOIN {{table}} head ON head.seq = {_NEXT_LANE.format(part="hop.part", lane="hop.lane")}
  WHERE hop.number < %(hops)s
)
SELECT seq, part, lane, due FROM hop ORDER BY number
"""  # noqa: S608 - as above
_Lane = tuple[Any, str]


@dataclass
class Turns:
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
    _after: Any = None
    _lanes: dict[Any, _Lane] = field(default_factory=dict)

    def next(self, limit: int) -> list[int]:
        """`seq` of at most `limit` rows that may be taken up now: workspaces in turn, the oldest of each first."""
        workspaces = self._workspaces()
        first = list(islice(workspaces, limit))
        share = max(1, limit // max(1, len(first)))
        found: list[list[int]] = []
        for workspace in chain(first, workspaces):
            heads = self._heads(workspace, share)
            if heads:
                found.append(heads)
                self._after = workspace
            if sum(map(len, found)) >= limit:
                break
        in_turn = chain.from_iterable(zip_longest(*found))
        return [seq for seq in in_turn if seq is not None][:limit]

    def _workspaces(self) -> Iterator[Any]:
        """Those worth a look, each once, beginning behind the last one that had its turn."""
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

    def _heads(self, workspace: Any, share: int) -> list[int]:
        """The first of its lanes that are due, the oldest of them; of very many lanes those of some."""
        start = self._lanes.pop(workspace, None)
        lane, wrapped = start or (_stored(uuid.UUID(int=0)), ""), start is None
        due: list[int] = []
        while len(due) < share:
            page = self._ask(_LANES, workspace=workspace, part=lane[0], lane=lane[1])
            due += [seq for seq, _, _, is_due in page if is_due]
            if len(page) == _HOPS:
                lane = (page[-1][1], page[-1][2])
                self._lanes[workspace] = lane
            elif wrapped:
                break
            else:
                lane, wrapped = (_stored(uuid.UUID(int=0)), ""), True
                self._lanes.pop(workspace, None)
        return sorted(set(due))[:share]

    def filled_in(self, sql: str) -> str:
        """One of the statements above, for this table."""
        names = ("table", "part", "open", "busy", "busy_order", "due")
        parts = {name: getattr(self, name) for name in names}
        return sql.format(worth=self.worth.format(**parts), **parts)

    def _ask(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(self.filled_in(sql), {"now": now, "hops": _HOPS} | values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _stored(value: uuid.UUID) -> Any:
    """As a cursor of this database gives and takes it."""
    return value if connection.features.has_native_uuid_field else value.hex
