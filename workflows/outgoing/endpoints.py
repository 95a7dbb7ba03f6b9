"""The lifecycle of webhook endpoints: create, change, pause, rotate the secret, test, replay, delete."""

import uuid
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from connections import audit
from connections.models import Workspace
from connections.tenancy.actor import Actor
from core.crypto import seal
from core.db import clock
from core.errors import Problem
from workflows.models import Hook, HookDelivery, HookSecret, Trigger
from workflows.outgoing import signing
from workflows.outgoing.transport import address
from workflows.queue import wakeup

MAX_HOOKS = 20
ROTATION_HOURS = 24
Status = HookDelivery.Status


def create(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    url: str,
    events: bool,
    runs: bool,
    trigger: Trigger | None = None,
    form_key: str = "",
) -> tuple[Hook, str]:
    """A new hook, and the only appearance of its signing secret.

    form_key: of the form that was sent (core.web.form_tokens), "" where there is none. Raises Problem (invalid_input,
    insufficient_scope, too_many_hooks, sent_before).
    """
    what = {"url": url, "events": events, "runs": runs, "trigger": trigger}
    _check(actor, workspace, what)
    if Hook.objects.filter(workspace=workspace, deleted_at__isnull=True).count() >= MAX_HOOKS:
        raise Problem(
            "too_many_hooks", f"A workspace can have at most {MAX_HOOKS} webhook endpoints.", status=409
        )
    try:
        with transaction.atomic():
            hook = Hook(
                id=_key_of(actor, form_key),
                workspace=workspace,
                name=name,
                created_by_id=actor.user_id,
                **what,
            )
            hook.save(force_insert=True)
            secret = _new_secret(hook, None)
            _record(actor, hook, "hook.created", host=hook.host)
    except IntegrityError:
        raise _sent_before() from None
    return hook, secret


def change(*, actor: Actor, hook: Hook, changes: dict[str, Any]) -> None:
    """Change its name, url, events, runs, trigger or status. Raises Problem (invalid_input, insufficient_scope)."""
    after = {name: changes.get(name, getattr(hook, name)) for name in ("url", "events", "runs", "trigger")}
    if {"url", "events", "runs", "trigger"} & set(changes):
        _check(actor, hook.workspace, after)
    said = {name: value for name, value in changes.items() if name != "url"}
    with transaction.atomic():
        if changes:
            # Another address, or a resumed hook, is tried at once, not when the last failure would have it.
            changes = {**changes, "held_until": None}
            if "status" in changes:
                changes["pause_reason"] = ""
            Hook.objects.filter(pk=hook.pk, deleted_at__isnull=True).update(**changes)
        hook.refresh_from_db()
        if {"url", "status"} & set(changes):
            waiting = hook.deliveries.filter(status=Status.WAITING, next_attempt_at__gt=clock.now())
            waiting.update(next_attempt_at=clock.now())
            wakeup.wake_sender()
        said |= {"host": hook.host} if "url" in changes else {}
        said |= {"trigger": str(hook.trigger or "all")} if "trigger" in changes else {}
        _record(actor, hook, "hook.changed", **said)


def _check(actor: Actor, workspace: Workspace, what: dict[str, Any]) -> None:
    """A hook hands on what its maker may see, and nothing else."""
    if not (what["events"] or what["runs"]):
        raise Problem(
            "invalid_input", "Select events, runs or both.", fields={"events": ["Select at least one."]}
        )
    wanted = {"triggers:read": what["events"], "workflows:read": what["runs"]}
    for scope, needed in wanted.items():
        if needed:
            actor.require(scope, workspace.account_id, "The endpoint receives data of this scope")
    trigger: Trigger | None = what["trigger"]
    if trigger is not None and trigger.workspace_id != workspace.pk:
        problem = ["This trigger belongs to another workspace."]
        raise Problem("invalid_input", "Invalid fields: trigger.", fields={"trigger": problem})
    address.check(what["url"])


def rotate(
    *, actor: Actor, hook: Hook, hours: int = ROTATION_HOURS, form_key: str = ""
) -> tuple[HookSecret, str]:
    """A new signing secret, and its only appearance. The one before signs as well for `hours`; older ones end.

    Raises Problem (sent_before).
    """
    now = clock.now()
    try:
        with transaction.atomic():
            hook.secrets.filter(expires_at__isnull=False).delete()
            before = hook.secrets.filter(expires_at__isnull=True)
            if hours:
                before.update(expires_at=now + timedelta(hours=hours))
            else:
                before.delete()
            key = _key_of(actor, form_key)
            whole = _new_secret(hook, key)
            _record(actor, hook, "hook.secret_rotated", hours=hours)
    except IntegrityError:
        raise _sent_before() from None
    return hook.secrets.get(pk=key), whole


def _new_secret(hook: Hook, key: uuid.UUID | None) -> str:
    whole = signing.new_secret()
    row = HookSecret(id=key or uuid.uuid4(), hook=hook)
    seal(row, "secret", whole)
    row.save(force_insert=True)
    return whole


def _key_of(actor: Actor, form_key: str) -> uuid.UUID:
    """The id that a form of a person makes once, and nothing else makes."""
    if not form_key:
        return uuid.uuid4()
    return uuid.uuid5(uuid.NAMESPACE_OID, f"hook-{actor.user_id}-{form_key}")


def _sent_before() -> Problem:
    return Problem(
        "sent_before",
        "This form was already submitted. Its secret was created and shown once. If you did not save it, "
        "create another.",
        status=409,
    )


def send_test(*, actor: Actor, hook: Hook) -> HookDelivery:
    """Owe it a message that says that it is a test; tried once. Raises Problem (hook_not_active)."""
    if hook.status != Hook.Status.ACTIVE:
        raise Problem("hook_not_active", "Only active webhook endpoints can be tested.", status=409)
    key = uuid.uuid4()
    with transaction.atomic():
        # Its own lane: it waits for nothing and nothing waits for it.
        delivery = HookDelivery.objects.create(
            id=key, workspace_id=hook.workspace_id, hook=hook, kind="test", lane=f"test-{key}"
        )
        _record(actor, hook, "hook.tested")
        wakeup.wake_sender()
    return delivery


def replay(*, actor: Actor, hook: Hook, deliveries: Q) -> int:
    """Send dead letters once more, from the beginning of the schedule. Return how many."""
    with transaction.atomic():
        dead = hook.deliveries.filter(deliveries, status=Status.DEAD).exclude(kind="test")
        count = dead.update(
            status=Status.WAITING,
            attempts=0,
            first_tried_at=None,
            next_attempt_at=clock.now(),
            finished_at=None,
        )
        if count:
            _record(actor, hook, "hook.replayed", deliveries=count)
            wakeup.wake_sender()
    return count


def replay_one(*, actor: Actor, delivery: HookDelivery) -> None:
    """Raises Problem (delivery_not_dead)."""
    if not replay(actor=actor, hook=delivery.hook, deliveries=Q(pk=delivery.pk)):
        raise Problem("delivery_not_dead", "Only failed deliveries can be resent.", status=409)


def delete(*, actor: Actor, hook: Hook) -> None:
    """Send it nothing more, and erase its secrets; its log stays for as long as logs are kept."""
    now = clock.now()
    with transaction.atomic():
        if Hook.objects.filter(pk=hook.pk, deleted_at__isnull=True).update(deleted_at=now):
            hook.secrets.all().delete()
            hook.deliveries.filter(status=Status.WAITING).update(
                status=Status.CANCELLED, next_attempt_at=None, finished_at=now
            )
            _record(actor, hook, "hook.deleted")


def _record(actor: Actor, hook: Hook, action: str, **detail: Any) -> None:
    audit.record(
        actor, action, workspace=hook.workspace, target=str(hook.pk), detail={"hook": hook.name, **detail}
    )
