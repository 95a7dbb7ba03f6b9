"""Due work: workers begin rows that are due in flight, each with its connection to a provider, where there is room."""

import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet

from workflows.queue import in_flight

Row = TypeVar("Row", bound=Model)
Claim = TypeVar("Claim")

# So often what has no room is passed by, to find what is due behind it.
_LOOKS = 4


def begin(
    due: QuerySet[Row],
    *,
    connection: str,
    place_of: Callable[[Row], tuple[uuid.UUID, uuid.UUID]],
    claim: Callable[[Row], Claim | None],
    work: Callable[[Claim], None],
    until: float,
    limit: int,
) -> tuple[int, bool]:
    """Claim and begin those of `due` that have room. Return how many, and whether more may be due.

    due: in the order of their turns, without rows that are leased. connection: the field, from the row, of its
    connection's key; place_of returns that key, behind the workspace's. claim returns None for a row that others have.
    work handles its own errors. until: `time.monotonic()` after which nothing new is begun. limit: rows read at once.
    """
    begun, all_begun, passed_by, place = 0, True, set[str](), in_flight.current()
    if not place.has_room():
        return 0, True
    for _ in range(_LOOKS):
        rows = list(due.exclude(**{f"{connection}__in": passed_by})[:limit] if passed_by else due[:limit])
        seen = len(passed_by)
        for row in rows:
            if time.monotonic() > until:
                return begun, True
            workspace, key = place_of(row)
            reserved = place.reserve(workspace, str(key))
            claimed = None if reserved is None else _claimed(reserved, partial(claim, row))
            if reserved is None:
                passed_by |= {str(key), *place.full()}
            elif claimed is not None:
                begun += 1
                reserved.begin(partial(work, claimed))
            all_begun = all_begun and claimed is not None
        if len(rows) < limit or len(passed_by) == seen:
            break
    return begun, not all_begun or len(rows) == limit


def _claimed(reserved: in_flight.Reserved, claim: Callable[[], Claim | None]) -> Claim | None:
    try:
        return in_flight.claimed(reserved, claim)
    except ObjectDoesNotExist:  # deleted meanwhile
        return None
