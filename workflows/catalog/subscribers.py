"""Managed webhooks of a provider: create, check, remove, and recover missed changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Reach:
    """The scope of a webhook's events. kind: `account`, `service` or `team`; id: of the service or team, else ""."""

    kind: str = "account"
    id: str = ""

    def as_json(self) -> dict[str, str]:
        return {"kind": self.kind, "id": self.id}


@dataclass(frozen=True)
class Webhook:
    """A webhook as the provider shows it.

    active: no person disabled it. disabled: the provider disabled it for a while after too many refusals.
    ours: made by this product for a trigger.
    """

    id: str
    url: str
    active: bool
    disabled: bool
    ours: bool
    events: frozenset[str]
    reach: Reach


@dataclass(frozen=True)
class MadeWebhook:
    """The response to creating a webhook, which the provider returns once."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class MissedChange:
    """A change as the provider still shows it, and the body of the delivery that was missed.

    external_id: always the same for the same change. happened_at: aware.
    """

    external_id: str
    event_type: str
    happened_at: datetime
    body: bytes


@dataclass(frozen=True)
class Missed:
    """The missed changes of a period, oldest first. words: what cannot be recovered, as sentences."""

    changes: list[MissedChange]
    words: str = ""


@dataclass(frozen=True)
class Subscriber:
    """A provider's webhook API; each function takes the client of the integration's `open_api`, raises ProviderError.

    scopes: which a connection needs for it.
    make(api, url, events, reach, name) → MadeWebhook. everything(api) → all webhooks of the account.
    look(api, id) → Webhook, None when there is no such (any more). change(api, id, events, reach).
    ping(api, id): have it send something to prove itself. enable(api, id): end its being disabled.
    remove(api, id): also when it is gone already. missed(api, event_types, reach, since, until) → Missed.
    reach(options) → Reach of a trigger with these options. retries_for: how long the provider goes on with a delivery.
    told_within: how far apart the times can be that two deliveries give of one change; seen_within: the one that a
    delivery gives and the one that the provider shows afterwards. only_once: event types of which a thing has one at
    most. most_missed: for how long back it is asked.
    """

    scopes: tuple[str, ...]
    make: Callable[[Any, str, list[str], Reach, str], MadeWebhook]
    everything: Callable[[Any], list[Webhook]]
    look: Callable[[Any, str], Webhook | None]
    change: Callable[[Any, str, list[str], Reach], None]
    ping: Callable[[Any, str], None]
    enable: Callable[[Any, str], None]
    remove: Callable[[Any, str], None]
    missed: Callable[[Any, frozenset[str], Reach, datetime, datetime], Missed]
    reach: Callable[[Mapping[str, Any]], Reach]
    retries_for: timedelta
    only_once: frozenset[str] = frozenset()
    told_within: timedelta = timedelta(seconds=2)
    seen_within: timedelta = timedelta(seconds=10)
    most_missed: timedelta = timedelta(days=7)
