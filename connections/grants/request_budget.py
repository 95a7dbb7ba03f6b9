"""Request budgets: space requests to a provider so that it refuses none, over all processes and machines.

One row for each user of a provider and app, because that is what providers count by (PagerDuty developer docs, rate
limits). It is a leaky bucket: a quarter of a minute's allowance may go at once, the rest evenly, so that no minute,
wherever it begins, sees more than the allowance. Background work leaves half of the burst to requests that a
person or a client waits for.
"""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from django.db.models import F, FloatField, QuerySet, Value
from django.db.models.functions import Greatest

from connections.grants import registry
from connections.models import Connection, RequestBudget
from core.db import clock, lending
from core.db.hot.batch import Batch
from core.metrics import BUDGET_WAITS, PROVIDER_REFUSALS

_WINDOW = 60.0
_AT_ONCE = 0.25
# Seconds that a full bucket takes to run empty; it is the same for every allowance.
_DEPTH = _WINDOW * _AT_ONCE / (1 - _AT_ONCE)
_DEPTH_IN_BACKGROUND = _DEPTH / 2
# Of an allowance, this share is left to requests that are on their way while an answer tells how much is left.
_RESERVE = 0.02
# A refusal without a time blocks the budget this long, doubled each time up to the provider's minute.
_FIRST_BLOCK = 5.0
_FORGOTTEN_AFTER = 120.0
_LONGEST_QUEUE = 3600.0
# The provider counts by the minute; what asks a call to wait for hours need not keep everybody else so long.
_LONGEST_BLOCK = 300.0
# Divided by the allowance, the seconds by which one request fills the bucket.
_FILLS = _WINDOW / (1 - _AT_ONCE)
_LEVEL = "(CASE WHEN full_until > %s THEN full_until ELSE %s END) + %s / per_minute"
_COUNT = (
    f"UPDATE {RequestBudget._meta.db_table} SET full_until = {_LEVEL}"  # noqa: S608 - names are ours
    f" WHERE key = %s AND blocked_until <= %s AND ({_LEVEL} <= %s OR full_until <= %s) AND {{so_far}}"
    " RETURNING per_minute AS answer"
)


class Allowance(Protocol):
    """The rate limit in a response; None where it is absent. reset, retry_after: seconds. refused: it was a 429."""

    @property
    def limit(self) -> int | None: ...
    @property
    def remaining(self) -> int | None: ...
    @property
    def reset(self) -> float | None: ...
    @property
    def refused(self) -> bool: ...
    @property
    def retry_after(self) -> float | None: ...


class NoRoom(Exception):
    """Raised if the limit has no room now; nothing was counted."""


class Exhausted(Exception):
    """Raised if no request was sent. at: when one may be, in seconds since the epoch. blocked: the provider said so."""

    def __init__(self, at: float, *, blocked: bool, per_minute: int) -> None:
        super().__init__(at)
        self.at = at
        self.blocked = blocked
        self.per_minute = per_minute


def key_of(of: Connection) -> str:
    """Return the budget's key: connections that one person authorized through one app share it in all workspaces."""
    app = of.grant.oauth_app.client_id if of.grant.oauth_app else ""
    return ":".join((of.provider, app, of.external_account_id, of.external_user_id))


class Budget:
    """The budget that the requests of a connection (with its grant) count against.

    background: no person or client waits for the result.
    """

    def __init__(self, of: Connection, *, background: bool = False) -> None:
        self._key = key_of(of)
        self._provider = of.provider
        self._allowed = registry.get(of.provider).requests_per_minute
        self._depth = _DEPTH_IN_BACKGROUND if background else _DEPTH
        self._queue = "background_until" if background else "queued_until"
        self._per_minute: int | None = None  # as the row had it when a request was last counted

    def take(self, *, patience: float = 0.0, comes_again: bool = True) -> None:
        """Count one request, if need be after waiting up to `patience` seconds. Raises Exhausted: none was counted.

        comes_again: reserve a place in the queue, because the caller retries at the given time.
        """
        end = time.monotonic() + patience
        while True:
            now = clock.now().timestamp()
            with suppress(NoRoom):
                with Batch() as batch:
                    self._count(batch, now, then=lambda: None)
                return
            row = self._row(now)
            wait = max(row.blocked_until - now, self._room_in(row, now))
            if wait > 0 and time.monotonic() + wait > end:
                at = self._queued(row, now + wait) if comes_again else now + wait
                blocked = row.blocked_until > now
                if comes_again:
                    BUDGET_WAITS.labels("blocked" if blocked else "spent").inc()
                raise Exhausted(min(at, now + _LONGEST_QUEUE), blocked=blocked, per_minute=row.per_minute)
            lending.give_back()
            # A little more, so that all who wait for the same drop do not ask for it together.
            time.sleep(max(0.0, wait) + random.uniform(0, 0.01))  # noqa: S311 - jitter

    def _room_in(self, row: RequestBudget, now: float) -> float:
        """Return the seconds until there is room without further requests; an empty bucket has room for one."""
        level = max(row.full_until - now, 0.0)
        return max(0.0, min(level, level + _drop(row) - self._depth))

    def add(self, requests: int) -> None:
        """Count requests that were made already, room or not."""
        if requests > 0:
            now = clock.now().timestamp()
            full = Greatest(F("full_until"), Value(now), output_field=FloatField())
            more = Value(requests * _FILLS) / F("per_minute")
            self._mine().update(full_until=full + more)

    def take_in(self, batch: Batch, then: Callable[[], None]) -> None:
        """Count one request as a part of the batch, which raises NoRoom or calls `then`."""
        self._count(batch, clock.now().timestamp(), then)

    def _count(self, batch: Batch, now: float, then: Callable[[], None]) -> None:
        """One statement that counts the request if there is room for it; each call makes it, so Django does not."""

        def counted(per_minute: int) -> None:
            self._per_minute = per_minute
            then()

        latest = [now, now, _FILLS]
        parameters = [*latest, self._key, now, *latest, now + self._depth, now]
        batch.add(_COUNT, parameters, NoRoom(self._key), counted)

    def _row(self, now: float) -> RequestBudget:
        """The row, made if need be, and put right if some clock was ahead when it was written."""
        made = RequestBudget(key=self._key, per_minute=self._allowed)
        found = self._mine().first()
        if found is None:
            RequestBudget.objects.bulk_create([made], ignore_conflicts=True)
            found = RequestBudget.objects.get(key=self._key)
        wrong = {
            name: now + instead
            for name, longest, instead in (
                ("full_until", 2 * _DEPTH + _drop(found), _DEPTH),
                ("blocked_until", _LONGEST_BLOCK, _LONGEST_BLOCK),
                ("queued_until", _LONGEST_QUEUE, 0.0),
                ("background_until", _LONGEST_QUEUE, 0.0),
            )
            if getattr(found, name) > now + longest
        }
        if wrong:
            RequestBudget.objects.filter(pk=found.pk).update(**wrong)
            found.refresh_from_db()
        return found

    def _queued(self, row: RequestBudget, earliest: float) -> float:
        """Queue a caller that retries, at the rate of the budget. Return the time of its turn."""
        mine = RequestBudget.objects.filter(pk=row.pk)
        turn = Greatest(F(self._queue), Value(earliest), output_field=FloatField())
        mine.update(**{self._queue: turn + _drop(row)})
        behind: float = mine.values_list(self._queue, flat=True).get()
        return behind - _drop(row)

    def answered(self, allowance: Allowance) -> None:
        """Take note of what the provider tells of its own count."""
        now = clock.now().timestamp()
        if allowance.refused:
            PROVIDER_REFUSALS.labels(self._provider).inc()
            self._refused(allowance, now)
        if not allowance.limit or allowance.remaining is None:
            return
        if allowance.limit != self._per_minute:
            self._per_minute = allowance.limit
            self._mine().update(per_minute=allowance.limit)
        if allowance.remaining <= allowance.limit * _RESERVE and allowance.reset is not None:
            until = now + allowance.reset
            self._mine().filter(blocked_until__lt=until).update(blocked_until=until)
        elif allowance.remaining < allowance.limit * _AT_ONCE:
            # Other software uses the same allowance: limit the burst to what is left of it.
            level = now + _DEPTH - allowance.remaining * _FILLS / allowance.limit
            self._mine().filter(full_until__lt=level).update(full_until=level)

    def _mine(self) -> QuerySet[RequestBudget]:
        return RequestBudget.objects.filter(key=self._key)

    def _refused(self, allowance: Allowance, now: float) -> None:
        """Block the budget until the provider's own count begins anew."""
        row = self._row(now)
        mine = RequestBudget.objects.filter(pk=row.pk)
        seconds = allowance.retry_after if allowance.retry_after is not None else allowance.reset
        if seconds is None:
            again = now - row.blocked_until < _FORGOTTEN_AFTER
            refusals = row.refusals + 1 if again else 1
            seconds = min(_FIRST_BLOCK * 2 ** min(refusals - 1, 8), _WINDOW)
            mine.update(refusals=refusals)
        until = now + min(seconds, _LONGEST_BLOCK)
        mine.filter(blocked_until__lt=until).update(blocked_until=until)


def _drop(row: RequestBudget) -> float:
    """Seconds by which one request fills the bucket."""
    return _FILLS / row.per_minute
