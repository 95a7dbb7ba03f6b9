"""The kinds of notifications: each room registers its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from connections.models import NotificationFact, NotificationPreference

Email = NotificationPreference.Email


@dataclass(frozen=True)
class Words:
    """title: what happened. reason: why, in the words of who refused. path: the page where to do something about it."""

    title: str
    reason: str
    path: str


def _as_written(fact: NotificationFact) -> Words:
    return Words(**fact.data)


@dataclass(frozen=True)
class Kind:
    """name, explains: as the settings page shows it. in_charge, member: what owner and admins, and members are emailed
    unless they choose otherwise. window: facts of a group are one notification for so long; None: once, whenever.
    words: how the last fact of a group is worded; by default its data are the words.
    """

    key: str
    name: str
    explains: str
    in_charge: Email = Email.AT_ONCE
    member: Email = Email.OFF
    window: timedelta | None = timedelta(days=1)
    words: Callable[[NotificationFact], Words] = _as_written


CONNECTION_BROKEN = Kind(
    "connection_broken",
    "Connection needs attention",
    "A provider no longer accepts our access, or rejects a client’s own app. Runs wait until it is fixed.",
)
CONSENT_ENDS = Kind(
    "consent_ends",
    "Authorization ends soon",
    "A connection must be re-authorized: one notice a month ahead, one a week ahead.",
    window=None,
)
CLIENT_CONNECTED = Kind(
    "client_connected",
    "Client connected",
    "A client used your invitation link and authorized a connection.",
)
_kinds: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    """In the order in which the settings page lists them."""
    _kinds.update({kind.key: kind for kind in kinds})


def known() -> list[Kind]:
    return list(_kinds.values())


def find(key: str) -> Kind | None:
    return _kinds.get(key)


register(CONNECTION_BROKEN, CONSENT_ENDS, CLIENT_CONNECTED)
