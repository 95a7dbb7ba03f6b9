"""The tenant scope: the rows that the running code may see, independent of its queries. By default none.

It is the second tenant filter; the first is in the queries (connections.tenancy.queryset). On PostgreSQL the tables'
row-level security (core.db.postgresql.policies) checks each statement against the scope, so a query without its filter
finds no foreign row. `core.db.postgresql` tells the database; SQLite has no row-level security.

A thread or process begins with NOTHING. A request widens its scope once the caller is known
(connections.web.middleware); `unscoped()` opens it for code that serves every tenant. docs/security.md lists each use
of `unscoped()` with its reason, and tests/test_security_docs.py requires one.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TypeVar

Part = TypeVar("Part")


@dataclass(frozen=True)
class Scope:
    """The visible rows: every tenant's, or those of `accounts` and of one more workspace."""

    everything: bool = False
    accounts: frozenset[uuid.UUID] = frozenset()
    workspace: uuid.UUID | None = None

    def settings(self) -> tuple[str, str, str]:
        """Return the values of the session settings taskjuice.wall, taskjuice.accounts and taskjuice.workspace."""
        return (
            "open" if self.everything else "",
            ",".join(sorted(map(str, self.accounts))),
            str(self.workspace or ""),
        )


EVERYTHING = Scope(everything=True)
NOTHING = Scope()
_scope: ContextVar[Scope] = ContextVar("tenant_scope", default=NOTHING)


def current() -> Scope:
    """Return the scope of the running code."""
    return _scope.get()


def set_scope(scope: Scope) -> None:
    """Set the scope until the surrounding `scoped` ends."""
    _scope.set(scope)


def add_workspace(workspace_id: uuid.UUID) -> None:
    """Add a workspace to the scope; the caller has presented one of its secrets."""
    _scope.set(replace(_scope.get(), workspace=workspace_id))


def add_account(account_id: uuid.UUID) -> None:
    """Add an account to the scope; the actor has just become a member of it."""
    scope = _scope.get()
    _scope.set(replace(scope, accounts=scope.accounts | {account_id}))


@contextmanager
def scoped(scope: Scope) -> Iterator[None]:
    """Set the scope inside the block, and restore the one before it at the end. Also a decorator."""
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def unscoped() -> Iterator[None]:
    """Show every tenant's rows inside the block. Also a decorator."""
    with scoped(EVERYTHING):
        yield


class ScopedIterator(Iterator[Part]):
    """`parts`, each made under the scope of this moment: a streamed response is made after its request.

    `close` closes them under that scope too: what a reader leaves early is ended with writes.
    """

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = iter(parts)
        self._scope = current()

    def __next__(self) -> Part:
        with scoped(self._scope):
            return next(self._parts)

    def close(self) -> None:
        close = getattr(self._parts, "close", None)
        if close is not None:
            with scoped(self._scope):
                close()
