"""The delivery log in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime

from workflows.models import HookDelivery
from workflows.outgoing.transport.failures import ERRORS


@dataclass(frozen=True)
class Try:
    """One attempt: when (aware), how it ended in words, how many milliseconds it took."""

    at: Any
    words: str
    ms: int


@dataclass(frozen=True)
class Line:
    """A delivery with the words for what it was about; `tries` newest first."""

    delivery: HookDelivery
    subject: str
    tries: list[Try]

    @property
    def last(self) -> Try | None:
        return self.tries[0] if self.tries else None


def lines_of(deliveries: Iterable[HookDelivery]) -> list[Line]:
    """deliveries: with `event` and `run` at hand."""
    return [line_of(delivery) for delivery in deliveries]


def line_of(delivery: HookDelivery) -> Line:
    tries = [_try(entry) for entry in reversed(delivery.tries)]
    return Line(delivery, _subject(delivery), tries)


def _subject(delivery: HookDelivery) -> str:
    if delivery.event is not None:
        return delivery.event.event_type or "Event"
    if delivery.run is not None:
        return f"Run {delivery.run.status}"
    return "Test event"


def _try(entry: dict[str, Any]) -> Try:
    return Try(parse_datetime(entry["at"]), words_of(entry), entry["ms"])


def words_of(entry: dict[str, Any]) -> str:
    """The end of an attempt, in words."""
    status, error = entry["status"], entry["error"]
    words = ERRORS.get(error, error) if error else "delivered"
    if status is not None:
        words = f"{status}: {words}"
    return words
