"""Deadlines: events that no provider posts, because something has not happened in time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from workflows.catalog.actions import Json


@dataclass(frozen=True)
class PassedDeadline:
    """A deadline whose time has passed. subject: the lane of its deliveries; since: what it counts from happened."""

    subject: str
    since: datetime
    due_at: datetime


@dataclass(frozen=True)
class DeadlineAnswer:
    """The provider's answer about a passed deadline; exactly one is set.

    body: of the event, if it is still as it was at `since`. since: it became so again later than that, so that the
    deadline moves. words: why it is no longer so, as a sentence.
    """

    body: bytes | None = None
    since: datetime | None = None
    words: str = ""


@dataclass(frozen=True)
class DeadlineRule:
    """The event types by which deadlines of a trigger type begin and end, and the way to ask the provider.

    event_type: of the event that is made once the time has passed and the provider says that it is still so.
    starts: event types that begin a deadline, or begin it anew. continues: those that begin one only where none is open
    or has passed since it last began. ends: those that end it. unused: others that the webhook is to deliver. scopes:
    what the provider has to have granted. length(options) → time until it is due.
    ask(api, PassedDeadline) → DeadlineAnswer; raises ProviderError. `api` is what the integration's `open_api`
    returned.
    """

    event_type: str
    starts: frozenset[str]
    ends: frozenset[str]
    scopes: tuple[str, ...]
    length: Callable[[Json], timedelta]
    ask: Callable[[Any, PassedDeadline], DeadlineAnswer]
    continues: frozenset[str] = frozenset()
    unused: frozenset[str] = frozenset()

    @property
    def delivered(self) -> frozenset[str]:
        """The event types to subscribe to."""
        return self.starts | self.continues | self.ends | self.unused
