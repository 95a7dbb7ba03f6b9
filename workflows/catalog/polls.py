"""Polled triggers: for events that a provider does not post, workflows poll at the right moments."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from workflows.catalog.actions import Json


@dataclass(frozen=True)
class Look:
    """The result of one poll.

    state: JSON that the next look is given; found: the bodies of events since the last one, oldest first. They are
    stored in the transaction that keeps the state; one with an id that the trigger has stored before is left out.
    expected_at: when the next event is due, as far as that is known. watched, present: what is looked at and how it
    is, in a few words. left_out: what could not be made good any more, as a sentence, or "".
    """

    state: Json
    found: list[bytes]
    expected_at: datetime | None = None
    watched: str = ""
    present: str = ""
    left_out: str = ""


@dataclass(frozen=True)
class Poll:
    """The functions and interval by which a trigger is polled.

    scopes: what the provider has to have granted. every: the longest time between two looks; one is also due at
    `expected_at`. asks: what it asks for, as the end of a sentence.
    look(api, options, state, now) → Look; state: {} the first time, when nothing has happened yet. Raises
    ProviderError. `api` is what the integration's `open_api` returned.
    """

    scopes: tuple[str, ...]
    every: timedelta
    asks: str
    look: Callable[[Any, Json, Json, datetime], Look]
