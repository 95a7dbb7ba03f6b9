"""The stretch of time of a listing of incidents; what PagerDuty would take for granted is said aloud."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from connections import clock
from workflows.catalog import Json

# Without since and until PagerDuty silently lists the last month (api-schema, listIncidents).
_DEFAULT = timedelta(days=30)


@dataclass(frozen=True)
class Span:
    """since: None for ever. until: None for now."""

    since: datetime | None
    until: datetime | None

    @classmethod
    def of(cls, data: Json) -> Self:
        """What the input asks for, with the month that is meant where it names no beginning."""
        if data.get("date_range") == "all":
            return cls(None, None)
        since, until = data.get("since"), data.get("until")
        return cls(since or ((until or clock.now()) - _DEFAULT).replace(microsecond=0), until)

    def asked(self) -> Json:
        """As PagerDuty is asked for it."""
        if self.since is None:
            return {"date_range": "all"}
        return {"since": _text(self.since)} | ({"until": _text(self.until)} if self.until else {})

    def shown(self) -> Json:
        """As the answer tells it; nothing where it is without bound."""
        return {} if self.since is None else self.asked()


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
