"""Budgets: requests to a provider are spaced before it refuses any, over all processes and machines.

One row for each user of a provider and app, because that is what providers count by (PagerDuty developer docs, rate
limits). It is a leaky bucket: a quarter of a minute's allowance may go at once, the rest evenly, so that no minute,
wherever it begins, sees more than the allowance. Background work leaves half of what may go at once to those whom
somebody waits for.
"""

import random
import time
from typing import Protocol

from django.db.models import F, FloatField, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Greatest
from django.utils import timezone

from connections import providers
from connections.metrics import BUDGET_WAITS, PROVIDER_REFUSALS
from connections.models import Connection, RequestBudget

_WINDOW = 60.0
_AT_ONCE = 0.25
# Seconds that a full bucket takes to run empty; it is the same for every allowance.
_DEPTH = _WINDOW * _AT_ONCE / (1 - _AT_ONCE)
_DEPTH_IN_BACKGROUND = _DEPTH / 2
# Of an allowance, this share is left to requests that are on their way while an answer tells how much is left.
_RESERVE = 0.02
# A refusal that says nothing of its end stops everybody so long, doubled each time up to the provider's minute.
_FIRST_BLOCK = 5.0
_FORGOTTEN_AFTER = 120.0
_LONGEST_QUEUE = 3600.0


class Allowance(Protocol):
    """What an answer says of the limit, None where it does not. reset, retry_after: seconds. refused: it was a 429."""

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


class Exhausted(Exception):
    """Nothing was asked. at: whose turn comes then, in seconds since the epoch. blocked: the provider said so."""

    def __init__(self, at: float, *, blocked: bool, per_minute: int) -> None:
        super().__init__(at)
        self.at = at
        self.blocked = blocked
        self.per_minute = per_minute


def key_of(connection: Connection) -> str:
    """Connections that one person authorised through one app share a budget, in whatever workspace they are."""
    parts = (
        connection.provider,
        connection.grant.oauth_app_id or "",
        connection.external_account_id,
        connection.external_user_id,
    )
    return ":".join(map(str, parts))


class Budget:
    """The budget that the requests of a connection (with its grant) count against.

    background: nobody waits for what they bring.
    """

    def __init__(self, connection: Connection, *, background: bool = False) -> None:
        self._key = key_of(connection)
        self._provider = connection.provider
        self._allowed = providers.get(connection.provider).requests_per_minute
        self._depth = _DEPTH_IN_BACKGROUND if background else _DEPTH
        self._limit_told = False

    def take(self, *, patience: float = 0.0) -> None:
        """Count one request, if need be after waiting up to `patience` seconds. Raises Exhausted: none was counted."""
        end = time.monotonic() + patience
        while True:
            now = timezone.now().timestamp()
            if self._counted(now):
                return
            row = self._row()
            wait = max(row.blocked_until - now, max(row.full_until, now) + _drop(row) - self._depth - now)
            if wait > 0 and time.monotonic() + wait > end:
                raise self._queued(row, now + wait, now)
            # A little more, so that all who wait for the same drop do not ask for it together.
            time.sleep(max(0.0, wait) + random.uniform(0, 0.01))  # noqa: S311 - jitter

    def add(self, requests: int) -> None:
        """Count requests that were made already, room or not."""
        if requests > 0:
            now = timezone.now().timestamp()
            RequestBudget.objects.filter(key=self._key).update(full_until=_level(now, requests))

    def _counted(self, now: float) -> bool:
        """One statement that counts the request if there is room for it."""
        level = _level(now)
        with_level = RequestBudget.objects.alias(level=level)
        room = with_level.filter(key=self._key, blocked_until__lte=now, level__lte=now + self._depth)
        return bool(room.update(full_until=level))

    def _row(self) -> RequestBudget:
        found = RequestBudget.objects.filter(key=self._key).first()
        if found is None:
            made = RequestBudget(key=self._key, per_minute=self._allowed)
            RequestBudget.objects.bulk_create([made], ignore_conflicts=True)
            found = RequestBudget.objects.get(key=self._key)
        return found

    def _queued(self, row: RequestBudget, earliest: float, now: float) -> Exhausted:
        """Those who have to come again come one after the other, as fast as the budget allows."""
        mine = RequestBudget.objects.filter(pk=row.pk)
        turn = Greatest(F("queued_until"), Value(earliest), output_field=FloatField())
        mine.update(queued_until=turn + _drop(row))
        at = mine.values_list("queued_until", flat=True).get()
        blocked = row.blocked_until > now
        BUDGET_WAITS.labels("blocked" if blocked else "spent").inc()
        return Exhausted(min(at, now + _LONGEST_QUEUE), blocked=blocked, per_minute=row.per_minute)

    def answered(self, allowance: Allowance) -> None:
        """Take note of what the provider tells of its own count."""
        now = timezone.now().timestamp()
        if allowance.refused:
            PROVIDER_REFUSALS.labels(self._provider).inc()
            self._refused(allowance, now)
        if allowance.limit is None or allowance.remaining is None:
            return
        mine = RequestBudget.objects.filter(key=self._key)
        if not self._limit_told:
            self._limit_told = True
            mine.exclude(per_minute=allowance.limit).update(per_minute=allowance.limit)
        if allowance.remaining <= allowance.limit * _RESERVE and allowance.reset is not None:
            until = now + allowance.reset
            mine.filter(blocked_until__lt=until).update(blocked_until=until)
        elif allowance.remaining < allowance.limit * _AT_ONCE:
            # Somebody else uses the same allowance: no more at once than is left of it.
            level = now + _DEPTH - allowance.remaining * _WINDOW / (1 - _AT_ONCE) / allowance.limit
            mine.filter(full_until__lt=level).update(full_until=level)

    def _refused(self, allowance: Allowance, now: float) -> None:
        """Everybody stops until the provider's own count begins anew."""
        row = self._row()
        mine = RequestBudget.objects.filter(pk=row.pk)
        seconds = allowance.retry_after if allowance.retry_after is not None else allowance.reset
        if seconds is None:
            again = now - row.blocked_until < _FORGOTTEN_AFTER
            refusals = row.refusals + 1 if again else 1
            seconds = min(_FIRST_BLOCK * 2 ** min(refusals - 1, 8), _WINDOW)
            mine.update(refusals=refusals)
        mine.filter(blocked_until__lt=now + seconds).update(blocked_until=now + seconds)


def _level(now: float, requests: int = 1) -> CombinedExpression:
    """Until when the bucket is full, with so many requests more."""
    drop = Value(requests * _WINDOW / (1 - _AT_ONCE)) / F("per_minute")
    return Greatest(F("full_until"), Value(now), output_field=FloatField()) + drop


def _drop(row: RequestBudget) -> float:
    """Seconds by which one request fills the bucket."""
    return _WINDOW / (1 - _AT_ONCE) / row.per_minute
