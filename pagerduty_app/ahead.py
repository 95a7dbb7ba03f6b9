"""What the gateway does with a delivery by itself (taskjuice.http.gateway.Deliveries).

Known before the body is read: an address that is none of ours, and a request that nobody has signed, are answered
without it. Stored without a thread: a short delivery for a trigger that was seen lately; it is handed to the writer of
this process, who tells when it is committed.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection

from core.db import tenant_scope
from core.db.postgresql import patience
from pagerduty_app import signatures
from pagerduty_app.doorstep import PREFIX, Doorstep, token_in
from pagerduty_app.straight import STORE_WITHIN_SECONDS, TRIED
from workflows.inbox import receive
from workflows.inbox.fast import receive as straight
from workflows.inbox.fast import trigger_cache as known
from workflows.inbox.fast.group_commit import ANSWER_WITHIN
from workflows.inbox.store import Verdict

# What is longer takes its time to be judged, during which the event loop would do nothing else.
_SHORT_BYTES = 16 * 1024
Answer = tuple[int, list[tuple[str, str]], bytes]


class Ahead:
    """See above."""

    def __init__(self) -> None:
        self._doorstep = Doorstep()
        self._within = ANSWER_WITHIN[connection.vendor]

    def concern(self, path: str) -> bool:
        return path.startswith(PREFIX)

    def known(self, environ: dict[str, Any]) -> bool:
        """Whether its trigger was seen lately; asks nothing."""
        token = token_in(environ["PATH_INFO"])
        return token is not None and known.is_kept(token) and _may_be_signed(environ)

    def wanted(self, environ: dict[str, Any]) -> bool:
        """Raises django.db.Error."""
        token = token_in(environ["PATH_INFO"])
        if token is None or environ["REQUEST_METHOD"] != "POST" or not _may_be_signed(environ):
            return False
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        with tenant_scope.opened(), patience.of_one_request(STORE_WITHIN_SECONDS):
            return receive.find_trigger("pagerduty", token) is not None

    def begin(self, environ: dict[str, Any], body: bytes, then: Callable[[Answer | None], None]) -> float:
        """See Deliveries. Judges it here, and leaves what asks the database to the writer's thread."""
        token = self._doorstep.token_of(environ) if len(body) <= _SHORT_BYTES else None
        if token is None:
            return 0

        def told(verdict: Verdict | None) -> None:
            then(None if verdict is None else (202, *self._doorstep.answer(verdict)))

        signature = environ.get("HTTP_X_PAGERDUTY_SIGNATURE")
        if not straight.begin("pagerduty", token, body=body, signature=signature, then=told):
            return 0
        environ[TRIED] = True
        return self._within


def _may_be_signed(environ: dict[str, Any]) -> bool:
    return signatures.looks_signed(environ.get("HTTP_X_PAGERDUTY_SIGNATURE"))
