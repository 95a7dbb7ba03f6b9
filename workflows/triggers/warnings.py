"""Warnings about a trigger before deliveries are lost."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connections import retention_periods
from connections.models import Connection
from core.db import clock
from core.errors import in_words
from workflows import catalog
from workflows.inbox import limits
from workflows.models import Deadline, Trigger
from workflows.subscriptions import event_types

_QUIET_AFTER = timedelta(days=7)
_HELD_LONG = timedelta(days=5)
_NEARLY_FULL = 0.8


@dataclass(frozen=True)
class Concern:
    """tone: error, warning or hint. short: for the list. words: what is wrong, what it leads to, what to do."""

    tone: str
    short: str
    words: str


def concerns_of(
    trigger: Any, *, held: int, refused: int, refused_before: int, quiet_since: datetime | None
) -> list[Concern]:
    """The worst first. trigger: a row of trigger_health.with_facts. quiet_since: of a live one, else None.

    refused, refused_before: as in trigger_health.Health.
    """
    if trigger.status == Trigger.Status.CLOSED:
        return []
    if watch := getattr(trigger, "watch", None):
        found = [_trouble(trigger, watch), _left_out(watch)]
    else:
        found = [
            _refusals(trigger, refused, refused_before),
            _switched_off(trigger),
            _types_refused(trigger),
            _holding(trigger, held),
            _silence(trigger, quiet_since),
            _deadlines_not_checked(trigger),
            _deadlines_full(trigger),
        ]
    return [concern for concern in (_broken(trigger), *found) if concern]


def _broken(trigger: Any) -> Concern | None:
    """Warn of a broken connection: deliveries start runs, but neither their steps nor deadlines can use it."""
    connection = trigger.connection
    if connection.status != Connection.Status.ERROR:
        return None
    words = f"Events start runs, but their steps are queued until {connection.label} is reconnected."
    if catalog.deadline_rule(trigger.key):
        words = f"Deadlines that pass are checked when {connection.label} is reconnected."
    return Concern("error", "Connection broken", words)


def _trouble(trigger: Any, watch: Any) -> Concern | None:
    """Nothing is lost for as long as it can be made good."""
    if not watch.trouble:
        return None
    name = catalog.integration(trigger.provider).name
    words = (
        f"Polling {name} failed: {in_words(watch.trouble)} Retrying automatically – missed events will be"
        " backfilled."
    )
    return Concern("error", "Polling failed", words)


def _left_out(watch: Any) -> Concern | None:
    if not watch.left_out or watch.left_out_at < clock.now() - _QUIET_AFTER:
        return None
    return Concern("warning", "Partial data", watch.left_out)


def _deadlines_not_checked(trigger: Any) -> Concern | None:
    if not trigger.deadline_trouble or trigger.connection.status == Connection.Status.ERROR:
        return None
    name = catalog.integration(trigger.provider).name
    why = in_words(trigger.deadline_trouble)
    words = f"Passed deadlines could not be checked in {name}: {why} Retrying automatically."
    return Concern("error", "Deadlines not checked", words)


def _deadlines_full(trigger: Any) -> Concern | None:
    if not trigger.deadlines_full:
        return None
    words = (
        f"{Deadline.MOST:,} deadlines are open, which is the most that a trigger can have, so no further one begins. "
        "Narrow its filters, or shorten its time."
    )
    return Concern("error", "Too many deadlines", words)


def _refusals(trigger: Any, refused: int, before: int) -> Concern | None:
    """The provider drops what is refused and soon stops sending at all."""
    integration = catalog.integration(trigger.provider)
    limit, name = integration.webhooks.refusals_to_disable, integration.name
    if not trigger.has_secret and trigger.had_secret:
        words = (
            f"This trigger has no signing secret, so every delivery is rejected, and {name} disables the "
            f"webhook after {limit} in a row. Add the secret of a webhook in use."
        )
        return Concern("error", "No signing secret", words)
    if not refused:
        return _perhaps_disabled(trigger, before, limit, name)
    short = f"{refused} rejected"
    if trigger.has_webhook:
        words = (
            f"{refused} deliveries were rejected since the last valid one: invalid signature. The trigger’s own "
            f"webhook is managed automatically; check in {name} whether another webhook posts to the same URL."
        )
        return Concern("warning", short, words)
    if refused >= limit:
        words = (
            f"{name} has probably disabled this webhook: it does so after {limit} rejected deliveries in a row, "
            f"and {refused} were rejected since the last valid one. Add the right signing secret, re-enable it "
            f"in {name} under the webhook, then send a test event from there."
        )
        return Concern("error", short, words)
    words = (
        f"{name} disables this webhook after {limit} rejected deliveries in a row: {refused} so far."
        " Check the secret."
    )
    return Concern("warning", short, words)


def _perhaps_disabled(trigger: Any, before: int, limit: int, name: str) -> Concern | None:
    """The refusals of an earlier secret say nothing about this one, but the provider has counted them."""
    if before < limit or trigger.has_webhook:
        return None
    words = (
        f"{before} deliveries were rejected before the newest signing secret was added, and {name} disables a "
        f"webhook after {limit} rejected deliveries in a row. If nothing arrives, re-enable the webhook in "
        f"{name} and send a test event from there."
    )
    return Concern("warning", "Possibly disabled", words)


def _switched_off(trigger: Any) -> Concern | None:
    """By a person, so that it is not undone here."""
    if not trigger.webhook_off:
        return None
    name = catalog.integration(trigger.provider).name
    words = (
        f"The webhook of this trigger was disabled in {name}. Enable it there; missed events are then recovered "
        "as far as possible."
    )
    return Concern("error", "Webhook disabled", words)


def _types_refused(trigger: Any) -> Concern | None:
    """Warn that events are missing; the state of the webhook says why, and what to do."""
    if not trigger.types_refused:
        return None
    detail = trigger.types_refused["detail"]
    name, kinds = catalog.integration(trigger.provider).name, detail["event_types"]
    words = (
        f"The webhook of this trigger does not deliver the {event_types.named(kinds)}: {name} refuses "
        f"{'them' if len(kinds) > 1 else 'it'}."
    )
    return Concern("warning" if detail["delivers_others"] else "error", "Event types refused", words)


def _holding(trigger: Any, held: int) -> Concern | None:
    """Warn of held deliveries: they are bounded in time and number."""
    if trigger.has_secret or not held:
        return None
    if held >= limits.MAX_HELD * _NEARLY_FULL:
        words = (
            f"{held} deliveries are waiting for the signing secret; the limit is {limits.MAX_HELD}."
            " Add the secret."
        )
        return Concern("warning", f"{held} held", words)
    if trigger.held_since < clock.now() - _HELD_LONG:
        words = (
            f"Deliveries have been waiting for the signing secret for more than {_HELD_LONG.days} days; after"
            f" {retention_periods.UNVERIFIED_DELIVERIES.days} days they are discarded. Add the secret."
        )
        return Concern("warning", "Held for a long time", words)
    return None


def _silence(trigger: Any, since: datetime | None) -> Concern | None:
    """Warn that nothing has arrived: perhaps nothing has happened, perhaps the webhook was removed."""
    if since is None or since > clock.now() - _QUIET_AFTER:
        return None
    name = catalog.integration(trigger.provider).name
    words = (
        f"Nothing has arrived for more than {_QUIET_AFTER.days} days. If unexpected, check in {name} that the "
        "webhook still exists and is enabled, and send a test event from there."
    )
    return Concern("hint", "No recent events", words)
