"""The lifecycle of triggers: create, add secrets, test, pause, delete."""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import F

from connections.models import Connection
from connections.tenancy.actor import Actor
from core.db import clock
from core.errors import Problem
from workflows import catalog
from workflows.deadlines import begin_end
from workflows.inbox import events, redaction, store
from workflows.inbox.trigger_audit import record
from workflows.models import Event, Trigger
from workflows.runs import safety_limit
from workflows.subscriptions import requests
from workflows.triggers import options as trigger_options
from workflows.triggers import polling


def create(
    *, actor: Actor, connection: Connection, key: str, name: str, options: dict[str, Any] | None = None
) -> Trigger:
    """A new trigger of type `key`. Raises Problem (unknown_trigger, connection_revoked, invalid_input)."""
    trigger_type = catalog.find_trigger(key)
    if trigger_type is None or key.partition("/")[0] != connection.provider:
        raise Problem("unknown_trigger", f"There is no trigger {key}.", fields={"key": ["Unknown trigger."]})
    checked = trigger_options.checked_for_api(key, options or {})
    with transaction.atomic():
        # Writing takes the row's lock: a revocation is either seen here or sees the new trigger.
        live = Connection.objects.filter(pk=connection.pk).exclude(status=Connection.Status.REVOKED)
        if not live.update(status=F("status")):
            raise Problem(
                "connection_revoked", "This connection was revoked. Create a new one first.", status=409
            )
        trigger = Trigger.objects.create(
            workspace=connection.workspace,
            connection=connection,
            key=key,
            name=name or trigger_type.name,
            options=checked,
        )
        if trigger_type.poll:
            polling.begin(trigger)
        record(actor, trigger, "trigger.created", **({"options": checked} if checked else {}))
        if requests.wanted_by_default(trigger):
            requests.set_up(actor=actor, trigger=trigger)
    return trigger


def change(*, actor: Actor, trigger: Trigger, changes: dict[str, Any]) -> None:
    """Rename, pause, resume, or say which fields are never stored (`redact`: paths) or what else its type offers
    (`options`); both replace what was there and count for what comes from now on.

    Raises Problem (trigger_closed, invalid_input).
    """
    if "redact" in changes:
        needed = catalog.integration(trigger.provider).webhooks.needed
        changes = {**changes, "redact": redaction.checked(changes["redact"], needed)}
    if "options" in changes:
        options = trigger_options.checked_for_api(trigger.key, changes["options"])
        changes = {**changes, "options": options}
    with transaction.atomic():
        open_ = Trigger.objects.filter(pk=trigger.pk).exclude(status=Trigger.Status.CLOSED)
        if not open_.update(**(changes or {"status": F("status")})):
            raise Problem("trigger_closed", "The connection behind this trigger was revoked.", status=409)
        if changes.get("options", trigger.options) != trigger.options:
            if catalog.polled(trigger.key):
                polling.restart(trigger)
            else:
                requests.look_soon(trigger)
        if changes.get("status") == Trigger.Status.PAUSED:
            begin_end.cancel(trigger.deadlines.all(), "The trigger was paused.")
        record(actor, trigger, "trigger.changed", **changes)
    trigger.refresh_from_db()


def send_test(*, actor: Actor, trigger: Trigger) -> Event:
    """Put the trigger type's sample into the inbox, marked as a test. It starts nothing; see triggers.test_events."""
    trigger_type = catalog.find_trigger(trigger.key)
    if trigger_type is None or trigger.status != Trigger.Status.ACTIVE:
        raise Problem("trigger_not_active", "Only an active trigger can be tested.", status=409)
    external_id = f"test-{uuid.uuid4()}"
    sample = trigger_type.sample_for(trigger.options)
    body = catalog.integration(trigger.provider).sample_delivery(sample, external_id)
    with transaction.atomic():
        store.store(trigger, body=body, is_test=True)
        record(actor, trigger, "trigger.tested")
    return Event.objects.get(trigger=trigger, external_id=external_id)


def requeue(*, actor: Actor, event: Event) -> None:
    """Another round for an event whose runs could not be made. Raises Problem (event_not_failed,
    insufficient_scope).
    """
    actor.require_actions(event.trigger.connection.workspace.account_id)
    with transaction.atomic():
        if not events.requeue(event):
            raise Problem("event_not_failed", "Only failed events can be retried.", status=409)
        record(actor, event.trigger, "event.requeued", event=event.external_id)


def delete(*, actor: Actor, trigger: Trigger) -> None:
    """Close the URL for good; events and runs stay readable."""
    with transaction.atomic():
        if Trigger.objects.filter(pk=trigger.pk, deleted_at__isnull=True).update(
            deleted_at=clock.now(), status=Trigger.Status.CLOSED
        ):
            trigger.held.all().delete()
            requests.end_all(trigger)
            begin_end.cancel(trigger.deadlines.all(), "The trigger was deleted.")
            listening = trigger.workflows.filter(safety_limit.listening())
            error = Problem("cancelled", "The trigger was deleted.", status=409).as_error()
            safety_limit.cancel(safety_limit.held_of(listening), error)
            listening.update(status="paused", pause_reason="")
            record(actor, trigger, "trigger.deleted")
