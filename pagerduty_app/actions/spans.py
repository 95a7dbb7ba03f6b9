"""The window of a listing of incidents: both ends are always sent, and told in the answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from core.db import clock
from workflows.catalog import Json

# PagerDuty means a month where an end is left out: the last one without both, the one from `since` on without `until`
# (api-schema, listIncidents; its staff).
_DEFAULT = timedelta(days=30)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Span:
    """From since until; both None for ever. open: until is only where the listing begins."""

    since: datetime | None
    until: datetime | None
    open: bool = False

    @classmethod
    def of(cls, data: Json) -> Self:
        """What the input asks for: without an end until now, without a beginning a month."""
        if data.get("date_range") == "all":
            return cls(None, None, open=True)
        since, until = data.get("since"), data.get("until")
        end = until or _end_of(since)
        return cls(since or (end - _DEFAULT).replace(microsecond=0), end, open=until is None)

    def asked(self) -> Json:
        """As PagerDuty is asked for it, and as the answer tells it: never by one end alone."""
        if self.since is None or self.until is None:
            return {"date_range": "all"}
        return {"since": _text(self.since), "until": _text(self.until)}


def _end_of(since: datetime | None) -> datetime:
    """Now; what begins later has one second. The second that has begun is not cut."""
    now = clock.now().replace(microsecond=0) + _SECOND
    return max(now, since + _SECOND) if since else now


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
