"""Look-ups: lists of the connected account that people choose from, such as its services and users.

Asked for while a page is made, so they are bounded in rows and in time, and kept for a minute.
"""

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from django.core.cache import cache

from connections.grants.request_budget import Budget, Exhausted
from connections.models import Connection
from connections.tenancy.actor import Actor
from core import request_slots
from core.db import lending
from core.errors import Problem
from core.text.folding import fold
from workflows import catalog
from workflows.calls import problems, provider_access
from workflows.catalog import Incomplete, Lookup, Option, ProviderError

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")

MOST = 500
SECONDS = 5.0
_KEPT_SECONDS = 60
# A provider that is slow now is not waited for again by each reload of the page.
_FAILURE_KEPT_SECONDS = 10
# Those who were given up on go on until the client's own time-out, and keep their slots: each one begun has a thread.
_threads = ThreadPoolExecutor(max_workers=request_slots.MOST, thread_name_prefix="lookup")


@dataclass(frozen=True)
class Choices:
    """The options found. complete: nothing was left out. incomplete_reason: what the provider left out and why, in
    words; "" if it is complete, or was cut here after 500."""

    options: list[Option]
    complete: bool
    incomplete_reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the cache, which keeps JSON."""
        return {
            "options": [(one.value, one.label) for one in self.options],
            "complete": self.complete,
            "incomplete_reason": self.incomplete_reason,
        }

    @staticmethod
    def of_json(kept: dict[str, Any]) -> "Choices":
        options = [Option(value, label) for value, label in kept["options"]]
        return Choices(options, kept["complete"], kept.get("incomplete_reason", ""))

    def spelt(self, text: str) -> str:
        """The value that is `text` in any case, as it is spelt here; "" where there is none."""
        return next((one.value for one in self.options if fold(one.value) == fold(text)), "")


def find(connection: Connection, key: str) -> Lookup:
    """The look-up of that key, if the connection's provider has it. Raises Problem (unknown_lookup)."""
    lookup = catalog.find_lookup(key)
    if lookup is None or key.partition("/")[0] != connection.provider:
        raise Problem("unknown_lookup", f"There is no look-up {key[:80]}.", status=404)
    return lookup


def asker(*, actor: Actor, connection: Connection) -> Callable[[str], Choices | Problem]:
    """For the pickers of one page, by the look-up's key; all of them share the time that one may take."""
    until = time.monotonic() + SECONDS

    def choices_of(key: str) -> Choices | Problem:
        try:
            return choices(actor=actor, connection=connection, lookup=find(connection, key), until=until)
        except Problem as problem:
            return problem

    return choices_of


def choices(
    *, actor: Actor, connection: Connection, lookup: Lookup, query: str = "", until: float | None = None
) -> Choices:
    """At most 500 options, kept for a minute; `connection` comes with its grant and workspace.

    until: `time.monotonic()` at which to give up, SECONDS from now unless given. Raises Problem: forbidden,
    connection_*, missing_scope, busy, lookup_timeout, and what the provider answered.
    """
    if not actor.may("actions:run", connection.workspace.account_id):
        raise Problem("forbidden", "You do not have permission to run actions here.", status=403)
    provider_access.check_usable(connection, lookup.scope, needed_by=f"“{lookup.name}”")
    kept: dict[str, Any] | None = cache.get(key := _cache_key(connection, lookup, query))
    found = None if kept is None else kept.get("problem") or Choices.of_json(kept)
    if found is None:
        found = _ask(connection, lookup, query, time.monotonic() + SECONDS if until is None else until)
        if isinstance(found, Choices):
            cache.set(key, found.as_json(), _KEPT_SECONDS)
        else:
            cache.set(key, {"problem": found}, _FAILURE_KEPT_SECONDS)
    if isinstance(found, dict):
        raise Problem(**found)
    return found


def _cache_key(connection: Connection, lookup: Lookup, query: str) -> str:
    digest = hashlib.sha256(query.encode(errors="replace")).hexdigest()
    return f"lookup:{connection.pk}:{connection.grant.generation}:{lookup.key}:{digest}"


def _ask(connection: Connection, lookup: Lookup, query: str, until: float) -> Choices | dict[str, Any]:
    """The options, or what is to be known of the failure. Raises Problem (busy, connection_*, grant_*)."""
    with ExitStack() as slot:
        if not slot.enter_context(request_slots.provider_slot(connection.workspace_id, connection.pk)):
            raise request_slots.busy()
        try:
            return provider_access.authorised(
                connection, lambda token: _load(connection, lookup, query, token, until, slot)
            )
        except ProviderError as error:
            problem = problems.of_provider_error(error)
        except Exhausted as spent:
            problem = problems.of_spent_budget(spent)
        except TooLate:
            message = "The provider timed out."
            problem = Problem("lookup_timeout", message, status=503, retryable=True)
    log.info("lookup_failed", lookup=lookup.key, connection=str(connection.pk), code=problem.code)
    return {**problem.as_error(), "status": problem.status}


def _load(
    connection: Connection, lookup: Lookup, query: str, token: str, until: float, slot: ExitStack
) -> Choices:
    """Raises ProviderError, Exhausted, or TooLate when `until` has come: the request then keeps the slot to its end."""

    def on_request() -> None:
        if time.monotonic() > until:
            raise TooLate

    budget, tally = Budget(connection), provider_access.Tally(on_request)
    budget.take(patience=provider_access.MOMENT, comes_again=False)
    api = provider_access.open_api(connection, token, tally)
    work: Future[Choices] = _threads.submit(copy_context().run, lambda: _within_bounds(lookup, api, query))
    lending.give_back()
    try:
        return work.result(timeout=max(0.0, until - time.monotonic()))
    except TooLate:
        work.cancel()
        kept = slot.pop_all()
        work.add_done_callback(lambda _: kept.close())
        raise
    finally:
        tally.settle(budget)


def _within_bounds(lookup: Lookup, api: Any, query: str) -> Choices:
    """The first 500 options; loads no further one than is needed to know whether there are more."""
    options: list[Option] = []
    reasons: list[str] = []
    for part in lookup.load(api, query):
        if isinstance(part, Incomplete):
            reasons.append(part.reason)
        elif len(options) == MOST:
            return Choices(options, complete=False)
        else:
            options.append(part)
    return Choices(options, complete=not reasons, incomplete_reason=" ".join(reasons))
