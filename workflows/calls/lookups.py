"""Look-ups: lists of the connected account that people choose from, such as its services and users.

Asked for while a page is made, so they are bounded in rows and in time, and kept for a minute.
"""

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from contextvars import copy_context
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import structlog
from django.core.cache import cache

from connections.grants import state
from connections.grants.rate_limit import Budget, Exhausted
from connections.models import Connection
from connections.tenancy.actor import Actor
from core.errors import Problem
from core.request_slots import provider_slot
from core.text_folding import fold
from workflows import catalog
from workflows.calls import outcomes, provider_access
from workflows.catalog import Lookup, Option, ProviderError

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")

MOST = 500
SECONDS = 5.0
_KEPT_SECONDS = 60
# A provider that is slow now is not waited for again by each reload of the page.
_FAILURE_KEPT_SECONDS = 10
# Those who were given up on go on until the client's own time-out; there are never more than these.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="lookup")


@dataclass(frozen=True)
class Choices:
    """What was found. complete: nothing was left out."""

    options: list[Option]
    complete: bool

    def as_json(self) -> dict[str, Any]:
        """For the cache, which keeps JSON."""
        return {"options": [(one.value, one.label) for one in self.options], "complete": self.complete}

    @staticmethod
    def of_json(kept: dict[str, Any]) -> "Choices":
        return Choices([Option(value, label) for value, label in kept["options"]], kept["complete"])

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
    check_usable(connection, lookup)
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


def check_usable(connection: Connection, lookup: Lookup) -> None:
    """Raises Problem when the connection cannot serve this look-up: its state, or a scope not granted."""
    state.check_usable(connection)
    if not catalog.integration(connection.provider).covers(lookup.scope, connection.grant.scopes_granted):
        raise Problem(
            "missing_scope",
            f"This connection was not granted {lookup.scope}, which “{lookup.name}” needs.",
            status=403,
            detail={"scope": lookup.scope},
        )


def _cache_key(connection: Connection, lookup: Lookup, query: str) -> str:
    digest = hashlib.sha256(query.encode(errors="replace")).hexdigest()
    return f"lookup:{connection.pk}:{connection.grant.generation}:{lookup.key}:{digest}"


def _ask(connection: Connection, lookup: Lookup, query: str, until: float) -> Choices | dict[str, Any]:
    """The options, or what is to be known of the failure. Raises Problem (busy, connection_*, grant_*)."""
    with provider_slot() as free:
        if not free:
            message = "Too many requests are waiting for a provider."
            raise Problem("busy", message, status=503, retryable=True, retry_after=2)
        try:
            return provider_access.authorised(
                connection, lambda token: _load(connection, lookup, query, token, until)
            )
        except ProviderError as error:
            problem = outcomes.as_problem(error)
        except Exhausted as spent:
            problem = provider_access.as_problem(spent)
        except TooLate:
            message = "The provider timed out."
            problem = Problem("lookup_timeout", message, status=503, retryable=True)
    log.info("lookup_failed", lookup=lookup.key, connection=str(connection.pk), code=problem.code)
    return {**problem.as_error(), "status": problem.status}


def _load(connection: Connection, lookup: Lookup, query: str, token: str, until: float) -> Choices:
    """Raises ProviderError, Exhausted, or TooLate when `until` has come."""

    def on_request() -> None:
        if time.monotonic() > until:
            raise TooLate

    budget, tally = Budget(connection), provider_access.Tally(on_request)
    budget.take(patience=provider_access.MOMENT, comes_again=False)
    api = provider_access.open_api(connection, token, tally)
    work: Future[list[Option]] = _threads.submit(
        copy_context().run, lambda: list(islice(lookup.load(api, query), MOST + 1))
    )
    try:
        found = work.result(timeout=max(0.0, until - time.monotonic()))
    except TooLate:
        work.cancel()
        raise
    finally:
        tally.settle(budget)
    return Choices(found[:MOST], complete=len(found) <= MOST)
