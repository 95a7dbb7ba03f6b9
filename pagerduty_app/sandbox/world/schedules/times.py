"""Times of requests (api-schema, schedules)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pagerduty_app.sandbox.refusals import Refused, invalid

_LONGEST_RANGE = timedelta(days=92)
_USUAL_RANGE = timedelta(days=14)


def moment(text: Any) -> datetime:
    """Parse an ISO 8601 time. Raise Refused."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise invalid("since, until, start and end are ISO 8601 times.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def asked_range(since: str | None, until: str | None) -> tuple[datetime, datetime]:
    """Return the range of a request that has at least one end."""
    start = moment(since) if since else moment(until) - _USUAL_RANGE
    end = moment(until) if until else start + _USUAL_RANGE
    if not start < end or end - start > _LONGEST_RANGE:
        raise Refused(
            400, 2002, "Arguments Caused Error", "until must be later than since, by at most 3 months."
        )
    return start, end
