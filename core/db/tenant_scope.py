"""The second tenant filter: the rows that the running code may see, independent of its queries.

The first is the tenant filter (connections.tenancy.queryset). On PostgreSQL the tables' row-level security
(taskjuice/migrations/0003_tenant_wall.py and later) checks each statement against the scope that is kept here, so a
forgotten filter finds no foreign row. `core.db.postgresql` tells the database; SQLite has no row-level security.

Background work, commands and migrations see everything: that is the view that a process begins with. A request
begins with NOTHING (connections.web.middleware). What has to be looked up before it is known whose it is, by a secret
that only its owner has, is looked up while `opened()`.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TypeVar

Part = TypeVar("Part")


@dataclass(frozen=True)
class View:
    """Whose rows can be seen: everybody's, or those of these accounts and of one more workspace."""

    everything: bool = False
    accounts: frozenset[uuid.UUID] = frozenset()
    workspace: uuid.UUID | None = None

    def settings(self) -> tuple[str, str, str]:
        """The values of taskjuice.wall, taskjuice.accounts and taskjuice.workspace."""
        return (
            "open" if self.everything else "",
            ",".join(sorted(map(str, self.accounts))),
            str(self.workspace or ""),
        )


EVERYTHING = View(everything=True)
NOTHING = View()
_view: ContextVar[View] = ContextVar("wall", default=EVERYTHING)


def view() -> View:
    return _view.get()


def look(at: View) -> None:
    """See that from now on, until the surrounding `looking` ends."""
    _view.set(at)


def step_into(workspace_id: uuid.UUID) -> None:
    """Add a workspace to the scope; the caller has presented one of its secrets."""
    _view.set(replace(_view.get(), workspace=workspace_id))


def join(account_id: uuid.UUID) -> None:
    """Add an account to the scope; the actor has just become a member of it."""
    seen = _view.get()
    _view.set(replace(seen, accounts=seen.accounts | {account_id}))


@contextmanager
def looking(at: View) -> Iterator[None]:
    """See that meanwhile; what was seen before is seen again afterwards, however it ends."""
    token = _view.set(at)
    try:
        yield
    finally:
        _view.reset(token)


def opened() -> AbstractContextManager[None]:
    """See everything meanwhile."""
    return looking(EVERYTHING)


def held(parts: Iterable[Part]) -> Iterator[Part]:
    """`parts`, each of them made under the view that there is now: an answer is streamed after its request."""
    return _held(iter(parts), view())


def _held(parts: Iterator[Part], at: View) -> Iterator[Part]:
    while True:
        with looking(at):
            try:
                part = next(parts)
            except StopIteration:
                return
        yield part
