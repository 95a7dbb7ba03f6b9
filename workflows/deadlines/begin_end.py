"""Begin and end deadlines as a trigger's deliveries say, in the order of the changes rather than of their arrival."""

from datetime import datetime

from django.db.models import QuerySet

from core.db import clock
from core.db.leases import RELEASED
from workflows import catalog
from workflows.catalog import DeadlineRule
from workflows.models import Deadline, Event, Trace, Trigger
from workflows.notifications import facts
from workflows.queue import wakeup

_BY_EVENT = "It was ended by {event_type}."


def rule_of(event: Event) -> DeadlineRule | None:
    """Return the rule of its trigger type if the event is a delivery that only begins or ends deadlines."""
    rule = catalog.deadline_rule(event.trigger.key)
    return rule if rule is not None and event.event_type in rule.delivered else None


def cause_of(event: Event) -> Trace | None:
    """Return the write of a run that led to the deadline whose passing this event tells of; None if none did."""
    if event.source != Event.DEADLINE:
        return None
    rows = Deadline.objects.filter(trigger=event.trigger_id, subject=event.lane, cause__isnull=False)
    row = rows.select_related("cause__run").first()
    return row.cause if row else None


def take(event: Event, rule: DeadlineRule, cause: Trace | None) -> str:
    """Begin or end the deadline that the delivery is about. Return why none was begun, or "".

    Call it inside the transaction that ends the event.
    """
    trigger = event.trigger
    at = _happened_at(event)
    if event.event_type in rule.ends:
        _end(_of(event), event, at)
    elif event.event_type in rule.starts | rule.continues:
        trigger.lock()  # so that none begins that a pause does not end, and the bound holds
        if trigger.status == Trigger.Status.ACTIVE:
            return _begin(event, rule, at, cause)
    return ""


def _happened_at(event: Event) -> datetime:
    """Return the time of the change; not later than its delivery arrived, if the provider's clock is ahead."""
    delivery = catalog.integration(event.trigger.provider).read_delivery(bytes(event.body))
    return min(event.happened_at or delivery.happened_at or event.received_at, event.received_at)


def _of(event: Event) -> QuerySet[Deadline]:
    return Deadline.objects.filter(trigger=event.trigger_id, subject=event.lane)


def _end(rows: QuerySet[Deadline], event: Event, at: datetime) -> None:
    """A worker that is just asking about it loses its lease, and makes no event."""
    reason = _BY_EVENT.format(event_type=event.event_type)
    if not cancel(rows.filter(told_at__lte=at), reason, told_at=at):
        rows.filter(told_at__lt=at).update(told_at=at)


def _begin(event: Event, rule: DeadlineRule, at: datetime, cause: Trace | None) -> str:
    rows, trigger = _of(event), event.trigger
    known = rows.first()
    if known is not None and at <= known.told_at:
        return ""
    if known is not None and event.event_type in rule.continues and known.status != known.Status.CANCELLED:
        rows.update(told_at=at)
        return ""
    if (known is None or known.status != known.Status.OPEN) and _is_full(trigger):
        words = f"This trigger has {Deadline.MOST:,} open deadlines already, so no further one was begun."
        facts.deadlines_left_out(trigger, words)
        return words
    due_at = at + rule.length(trigger.options)
    begun = {
        "status": Deadline.Status.OPEN,
        "since": at,
        "due_at": due_at,
        "told_at": at,
        "cause": cause,
        "attempts": 0,
        "next_attempt_at": due_at,
        "trouble": None,
        "trouble_since": None,
        "reason": "",
        "ended_at": None,
        **RELEASED,
    }
    if known is None:
        Deadline.objects.create(trigger=trigger, subject=event.lane, **begun)
    else:
        rows.update(**begun)
    if due_at <= clock.now():
        wakeup.wake_workers()
    return ""


def _is_full(trigger: Trigger) -> bool:
    open_ = Deadline.objects.open().filter(trigger=trigger).order_by("due_at")
    return bool(open_.values_list("pk", flat=True)[Deadline.MOST - 1 : Deadline.MOST])


def cancel(rows: QuerySet[Deadline], reason: str, **fields: datetime) -> int:
    """End those of `rows` that are open, also while a worker holds them. reason: a sentence. Return how many."""
    return rows.filter(next_attempt_at__isnull=False).update(
        status=Deadline.Status.CANCELLED,
        reason=reason,
        next_attempt_at=None,
        ended_at=clock.now(),
        trouble=None,
        trouble_since=None,
        **RELEASED,
        **fields,
    )
