"""The signing secrets of a trigger: add one, retire one."""

from django.db import transaction

from connections.tenancy.actor import Actor
from core.crypto import seal
from core.db import clock
from core.errors import Problem
from workflows import catalog
from workflows.inbox import limits, rejections, unverified
from workflows.inbox.trigger_audit import record
from workflows.models import Trigger, TriggerSecret


def add_secret(*, actor: Actor, trigger: Trigger, secret: str) -> tuple[TriggerSecret, dict[str, int]]:
    """Make `secret` one of the active ones and judge what was held for it.

    Return the row and how many held deliveries met which verdict. Raises Problem (too_many_secrets, no_address,
    insufficient_scope: a holder of the secret can sign deliveries that start what is published here).
    """
    if trigger.workflows.filter(live__isnull=False).exists():
        actor.require_actions(trigger.connection.workspace.account_id)
    if catalog.polled(trigger.key):
        message = "This trigger polls the provider: it has no URL and no signing secrets."
        raise Problem("no_address", message, status=409)
    with transaction.atomic():
        trigger.lock()  # as holding a delivery does
        active = list(trigger.secrets.filter(retired_at__isnull=True))
        same = next((row for row in active if row.value() == secret), None)
        if same is not None:
            return same, {}
        if len(active) >= limits.MAX_SECRETS:
            raise Problem("too_many_secrets", "Delete an unused secret first.", status=409)
        rejections.close_minute(trigger)
        row = TriggerSecret(trigger=trigger, created_by_id=actor.user_id)
        seal(row, "secret", secret)
        row.save()
        record(actor, trigger, "trigger.secret_added")
        return row, unverified.judge_held(trigger, secrets=[*active, row], held=trigger.held.all())


def retire_secret(*, actor: Actor, secret: TriggerSecret) -> None:
    """Deliveries signed with it are refused from now on."""
    with transaction.atomic():
        if TriggerSecret.objects.filter(pk=secret.pk, retired_at__isnull=True).update(retired_at=clock.now()):
            record(actor, secret.trigger, "trigger.secret_retired")
