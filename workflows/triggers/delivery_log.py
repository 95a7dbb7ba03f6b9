"""The delivery log of a trigger, newest first: events, held and rejected deliveries, as one list."""

from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from itertools import islice

from django.db.models import Count
from django.db.models.functions import Length

from core.web import statuses
from workflows import catalog
from workflows.catalog import Words
from workflows.models import Event, Trigger, TurnedAway
from workflows.triggers import delivery_outcomes

VERDICTS = {name: status.words for name, status in statuses.STATUSES["verdict"].items()}
_STATUSES = {
    "accepted": ["queued", "done"],
    "ignored": ["ignored"],
    "filtered": ["filtered"],
    "failed": ["failed"],
}
_MOST_TURNED_AWAY = 2_500
_TYPES_OF = 500
_NO_WORDS = Words()


@dataclass(frozen=True)
class Row:
    """One line. event: None for what is not kept; note: what a person should know of it; runs: started by it.

    nothing: why it started none, in a few words.
    """

    verdict: str
    at: datetime
    note: str = ""
    event: Event | None = None
    words: Words = _NO_WORDS
    runs: int = 0
    nothing: str = ""


class Deliveries:
    """The list; a slice of it is read with a constant number of queries.

    Held and turned-away ones are few (both are bounded), so that all of them are merged into the window of events
    that the slice can lie in.
    """

    def __init__(self, trigger: Trigger, *, verdict: str = "", event_type: str = "") -> None:
        self._trigger = trigger
        self._verdict = verdict
        self._event_type = event_type

    def __getitem__(self, window: slice) -> list[Row]:
        others = self._others()
        before = max(0, window.start - len(others))
        events = self._events(before, window.stop)
        newest_first = merge(events, others, key=lambda entry: entry[0], reverse=True)
        chosen = [entry for _, entry in islice(newest_first, window.start - before, window.stop - before)]
        rows = self._rows([entry for entry in chosen if isinstance(entry, int)])
        return [entry if isinstance(entry, Row) else rows[entry] for entry in chosen]

    def types(self) -> list[str]:
        """The types among the last few hundred events."""
        last = self._trigger.events.order_by("-seq").values_list("event_type", flat=True)[:_TYPES_OF]
        return sorted(set(filter(None, last)))

    def _events(self, start: int, stop: int) -> list[tuple[datetime, int | Row]]:
        """The time and number of each event."""
        if self._verdict and self._verdict not in _STATUSES:
            return []
        events = self._trigger.events.order_by("-seq")
        if self._verdict:
            events = events.filter(status__in=_STATUSES[self._verdict])
        if self._event_type:
            events = events.filter(event_type=self._event_type)
        return list(events.values_list("received_at", "seq")[start:stop])

    def _rows(self, numbers: list[int]) -> dict[int, Row]:
        events = Event.objects.filter(seq__in=numbers).annotate(started=Count("runs"))
        rows, workflows = {}, delivery_outcomes.listening(self._trigger) if numbers else []
        for event in events:
            event.trigger = self._trigger
            nothing = "" if event.started else delivery_outcomes.in_brief(event, workflows)
            rows[event.seq] = replace(row_of(event, self._trigger, runs=event.started), nothing=nothing)
        return rows

    def _others(self) -> list[tuple[datetime, int | Row]]:
        """Held and rejected deliveries. Neither has a type: held bodies are not read yet, rejected ones not kept."""
        rows: list[Row] = []
        if self._event_type:
            return []
        if self._verdict in ("", "held"):
            rows += self._held()
        if self._verdict in ("", *TurnedAway.Verdict.values):
            rows += self._turned_away()
        return [(row.at, row) for row in sorted(rows, key=lambda row: row.at, reverse=True)]

    def _held(self) -> list[Row]:
        held = self._trigger.held.annotate(size=Length("body")).values_list("received_at", "size")
        known = self._trigger.secrets.filter(retired_at__isnull=True).exists()
        why = "Signature doesn’t match any secret" if known else "Pending signing secret"
        return [Row("held", at, f"{why} ({size:,} bytes)") for at, size in held]

    def _turned_away(self) -> list[Row]:
        counted = TurnedAway.objects.filter(trigger=self._trigger)
        if self._verdict:
            counted = counted.filter(verdict=self._verdict)
        return [
            Row(row.verdict, row.last_at, _note(row))
            for row in counted.order_by("-last_at", "-id")[:_MOST_TURNED_AWAY]
        ]


def _note(row: TurnedAway) -> str:
    most = " or more" if row.count >= TurnedAway.MOST_A_MINUTE else ""
    times = f"; {row.count}{most} in this minute" if row.count > 1 else ""
    if row.verdict == TurnedAway.Verdict.DUPLICATE:
        return f"Duplicate{times}"
    return f"Invalid signature – rejected{times}"


def row_of(event: Event, trigger: Trigger, *, runs: int = 0) -> Row:
    """One event as a line, in words."""
    verdict = next(name for name, statuses in _STATUSES.items() if event.status in statuses)
    trigger_type = catalog.find_trigger(trigger.key)
    note = ""
    if verdict == "ignored":
        meant = trigger_type is not None and event.event_type in trigger_type.takes(trigger.options)
        note = "Received while paused" if meant else "Event type not used by this trigger"
    elif event.is_test:
        note = "Test event; does not start workflows"
    elif verdict == "filtered":
        note = event.error
    elif event.status == Event.Status.QUEUED:
        note = "Queued"
    elif verdict == "failed":
        note = "Processing failed – open to retry"
    elif event.source == Event.DEADLINE:
        note = "Deadline passed"
    if event.is_recovered:
        note = "; ".join(filter(None, [note, "Recovered from the provider (was not delivered)"]))
    words = catalog.integration(trigger.provider).webhooks.in_words(event.payload)
    return Row(verdict, event.received_at, note, event, words, runs)
