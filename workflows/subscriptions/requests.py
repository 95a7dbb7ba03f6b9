"""Requests about a trigger's webhook: each is a row, which the workers then carry out."""

from typing import Any

from django.db import IntegrityError, transaction

from connections import audit
from connections.models import Connection
from connections.tenancy.actor import Actor
from core.db import clock
from core.errors import Problem
from workflows import catalog
from workflows.catalog import Reach
from workflows.models import Subscription, Trigger
from workflows.queue import wakeup

MADE, ENABLED, REMOVED = "trigger.webhook_made", "trigger.webhook_enabled", "trigger.webhook_removed"
ASKED, ROTATING, ROTATED = "trigger.webhook_asked", "trigger.webhook_rotating", "trigger.webhook_rotated"
MISSING, LEFT, RECOVERED = "trigger.webhook_missing", "trigger.webhook_left", "trigger.changes_recovered"
AUDIT_WORDS = {
    ASKED: "Create webhook automatically",
    MADE: "Webhook created",
    ENABLED: "Webhook re-enabled",
    MISSING: "Webhook missing",
    ROTATING: "Webhook secret rotation started",
    ROTATED: "Webhook secret rotated",
    REMOVED: "Webhook removed",
    LEFT: "Webhook removal failed",
    RECOVERED: "Missed changes recovered",
}


def allowed(connection: Connection) -> bool:
    """Return whether the provider supports managed webhooks and the grant covers their scopes."""
    integration = catalog.integration(connection.provider)
    granted = _granted(connection)
    subscriber = integration.subscriber
    return subscriber is not None and all(integration.covers(scope, granted) for scope in subscriber.scopes)


def _granted(connection: Connection) -> list[str]:
    grant = getattr(connection, "grant", None)
    if grant is None or connection.status == Connection.Status.REVOKED:
        return []
    return list(grant.scopes_granted)


def wanted_by_default(trigger: Trigger) -> bool:
    """Return whether a new trigger sets up its webhook: only if those very scopes were granted."""
    subscriber = catalog.integration(trigger.provider).subscriber
    granted = set(_granted(trigger.connection))
    return subscriber is not None and set(subscriber.scopes) <= granted and bool(events_of(trigger))


def events_of(trigger: Trigger) -> list[str]:
    """Return the event types that its webhook delivers; none if webhooks deliver nothing that it acts on."""
    subscriber, trigger_type = (
        catalog.integration(trigger.provider).subscriber,
        catalog.find_trigger(trigger.key),
    )
    if subscriber is None or trigger_type is None or trigger_type.poll is not None:
        return []
    return sorted(trigger_type.delivered(trigger.options))


def reach_of(row: Subscription) -> Reach:
    """Return the scope of the webhook: as requested, else from the trigger's own options."""
    if row.reach:
        return Reach(**row.reach)
    subscriber = catalog.integration(row.trigger.provider).subscriber
    options = row.trigger.options
    return subscriber.reach(options) if subscriber else Reach()


def begin(trigger: Trigger, **fields: Any) -> Subscription:
    """Create the row of a webhook that is about to be made. Raise IntegrityError when there is one."""
    return Subscription.objects.create(trigger=trigger, **fields)


def set_up(*, actor: Actor, trigger: Trigger, reach: Reach | None = None) -> Subscription:
    """Request a webhook; once it works it replaces any other with this trigger's URL.

    Raise Problem (trigger_closed, webhooks_not_allowed, already_set_up).
    """
    with transaction.atomic():
        trigger.lock()
        _check(trigger)
        if trigger.subscriptions.filter(status__in=["making", "on"]).exists():
            raise Problem(
                "already_set_up", "This trigger already manages its webhook automatically.", status=409
            )
        return _ask(actor, trigger, ASKED, reach.as_json() if reach else {})


def rotate(*, actor: Actor, trigger: Trigger) -> Subscription:
    """Request a second webhook with its own secret; the present one is removed when the new one works.

    Raise Problem (trigger_closed, webhooks_not_allowed, not_set_up, rotating_already).
    """
    with transaction.atomic():
        trigger.lock()
        _check(trigger)
        now = trigger.subscriptions.filter(status="on").first()
        if now is None:
            raise Problem("not_set_up", "This trigger does not manage its own webhook yet.", status=409)
        if trigger.subscriptions.filter(status__in=["making", "replaced"]).exists():
            raise Problem("rotating_already", "Its secret is being rotated.", status=409)
        return _ask(actor, trigger, ROTATING, now.reach)


def look_soon(trigger: Trigger) -> None:
    """Schedule a check at once, so that the webhook follows the trigger's changed event types."""
    if trigger.subscriptions.filter(status="on").update(next_attempt_at=clock.now()):
        wakeup.wake_workers()


def _check(trigger: Trigger) -> None:
    if trigger.status == Trigger.Status.CLOSED:
        raise Problem("trigger_closed", "The connection behind this trigger was revoked.", status=409)
    if not events_of(trigger):
        raise Problem("no_webhooks", "No webhook covers this trigger’s event.", status=409)
    if not allowed(trigger.connection):
        raise Problem(
            "webhooks_not_allowed",
            "This connection lacks permission to set up webhooks. Reconnect to request it, or set the webhook "
            "up manually.",
            status=409,
        )


def _ask(actor: Actor, trigger: Trigger, action: str, reach: dict[str, str]) -> Subscription:
    try:
        with transaction.atomic():
            row = begin(trigger, reach=reach)
    except IntegrityError:
        raise Problem("already_set_up", "Someone else just requested this.", status=409) from None
    record(actor, trigger, action)
    wakeup.wake_workers()
    return row


def end_all(trigger: Trigger) -> int:
    """Schedule the removal of a deleted trigger's webhooks, in the same transaction. Return how many."""
    trigger.subscriptions.filter(status="making", sent_at__isnull=True).update(
        status=Subscription.Status.FAILED, ended_at=clock.now(), next_attempt_at=None
    )
    ended = trigger.subscriptions.filter(status__in=["making", "on", "replaced"]).update(
        status=Subscription.Status.REMOVING, attempts=0, error=None, next_attempt_at=clock.now()
    )
    if ended:
        wakeup.wake_workers()
    return ended


def record(actor: Actor, trigger: Trigger, action: str, **detail: Any) -> None:
    """Record an audit event with the trigger's name at the time."""
    audit.record(
        actor,
        action,
        connection=trigger.connection,
        target=str(trigger.pk),
        detail={"trigger": trigger.name, **detail},
    )
