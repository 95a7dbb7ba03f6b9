"""Ids in paths of requests."""

import re

from pagerduty_app.client.errors import PagerDutyError

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def checked(some_id: str) -> str:
    """Return an id that cannot change the path. Raise PagerDutyError for any other."""
    if not _ID.fullmatch(some_id):
        raise PagerDutyError("That is not a PagerDuty id.", status=404, code=2100)
    return some_id
