"""Token refreshes in the background, each in flight with its connection."""

from connections.grants import refresh
from workflows.queue import due_work

_AT_ONCE = 50


def refresh_due(until: float) -> tuple[int, bool]:
    """Begin the refreshes of due grants where there is room; see due_work.begin."""
    return due_work.begin(
        refresh.due(),
        connection="connection",
        place_of=lambda grant: (grant.connection.workspace_id, grant.connection_id),
        claim=refresh.GrantLease.claim,
        work=refresh.renew_due,
        until=until,
        limit=_AT_ONCE,
    )
