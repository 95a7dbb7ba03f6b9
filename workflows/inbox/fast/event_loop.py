"""Handling of a delivery in the gateway, without a worker thread (taskjuice.http.gateway.Deliveries).

Before the body is read: a request for an unknown URL, or without a signature, gets its response without the body.
Without a thread: a short delivery for a cached trigger is queued for the group commit of this process, which calls
back after the commit.
"""

from collections.abc import Callable
from typing import Any

import structlog
from django.db import connection

from core.db import tenant_scope
from core.db.postgresql import patience
from core.web.url_prefixes import HOOKS
from workflows.inbox import receive
from workflows.inbox.fast import receive as fast_path
from workflows.inbox.fast import trigger_cache
from workflows.inbox.fast.group_commit import ANSWER_WITHIN
from workflows.inbox.fast.request_checks import Address, RequestChecks, address_in
from workflows.inbox.fast.wsgi import STORE_WITHIN_SECONDS, TRIED
from workflows.inbox.store import Verdict

log = structlog.get_logger(__name__)

Answer = tuple[int, list[tuple[str, str]], bytes]


class FastPath:
    """See above."""

    def __init__(self) -> None:
        self._checks = RequestChecks()
        self._within = ANSWER_WITHIN[connection.vendor]

    def concern(self, path: str) -> bool:
        return path.startswith(HOOKS)

    def known(self, environ: dict[str, Any]) -> bool:
        """Return whether its trigger was looked up lately and it may be signed. Makes no query."""
        address = address_in(environ["PATH_INFO"])
        return (
            address is not None and trigger_cache.is_kept(address.token) and _may_be_signed(address, environ)
        )

    def wanted(self, environ: dict[str, Any]) -> bool:
        """Return whether there is a trigger for it and it may be signed. Raises django.db.Error."""
        address = address_in(environ["PATH_INFO"])
        if address is None or environ["REQUEST_METHOD"] != "POST" or not _may_be_signed(address, environ):
            return False
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        with tenant_scope.unscoped(), patience.of_one_request(STORE_WITHIN_SECONDS):
            return receive.find_trigger(address.integration.key, address.token) is not None

    def begin(self, environ: dict[str, Any], body: bytes, then: Callable[[Answer | None], None]) -> float:
        """Verify the delivery here and leave the queries to the writer's thread. See Deliveries."""
        try:
            begun = self._begin(environ, body, then)
        except Exception:  # Django has an answer to everything, and the gateway has none
            log.exception("fast_path_failed")
            return 0
        if begun:
            environ[TRIED] = True
        return self._within if begun else 0

    def _begin(self, environ: dict[str, Any], body: bytes, then: Callable[[Answer | None], None]) -> bool:
        address = self._checks.address_of(environ)
        if address is None:
            return False

        def told(verdict: Verdict | None) -> None:
            then(None if verdict is None else (202, *self._checks.answer(verdict)))

        provider, signature = address.integration.key, address.signature_in(environ)
        return fast_path.begin(provider, address.token, body=body, signature=signature, then=told)


def _may_be_signed(address: Address, environ: dict[str, Any]) -> bool:
    return address.integration.webhooks.looks_signed(address.signature_in(environ))
