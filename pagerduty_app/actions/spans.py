"""The time window of a listing of incidents: both ends are always sent and returned."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from core.db import clock
from workflows.catalog import Json

# If an end is missing, PagerDuty lists a month: the last one without both, the one after `since` without `until`
# (api-schema, listIncidents; PagerDuty's staff).
_DEFAULT = timedelta(days=30)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Span:
    """A time window; both ends None for all time. open: `until` was not given, it is when the listing began."""

    since: datetime | None
    until: datetime | None
    open: bool = False

    @classmethod
    def of(cls, data: Json) -> Self:
        """Return the window of an input: without an end until now, without a beginning one month."""
        if data.get("date_range") == "all":
            return cls(None, None, open=True)
        since, until = data.get("since"), data.get("until")
        end = until or _end_of(since)
        return cls(since or (end - _DEFAULT).replace(microsecond=0), end, open=until is None)

    def asked(self) -> Json:
        """Return the window as request parameters and as output: never one end alone."""
        if self.since is None or self.until is None:
            return {"date_range": "all"}
        return {"since": _text(self.since), "until": _text(self.until)}


def _end_of(since: datetime | None) -> datetime:
    """Return now, rounded up to a whole second; a window that begins later has one second."""
    now = clock.now().replace(microsecond=0) + _SECOND
    return max(now, since + _SECOND) if since else now


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
