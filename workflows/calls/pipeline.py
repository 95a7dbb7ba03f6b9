"""The pipeline of calls: from what a step, an API client or a person asks for to a stored, claimed call."""

import hashlib
import json
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from rest_framework.serializers import ValidationError, as_serializer_error

from connections import audit
from connections.api.errors import invalid_input
from connections.models import Connection
from connections.tenancy.actor import Actor
from core.db import clock
from core.db.leases import LeaseLost
from core.errors import Problem
from workflows import catalog
from workflows.calls import attempt, provider_access
from workflows.calls.context import Owner
from workflows.calls.leases import CallLease
from workflows.catalog import ActionType, Json
from workflows.models import ActionCall
from workflows.queue import due_work, wakeup

log = structlog.get_logger(__name__)


def call_action(
    *,
    actor: Actor,
    connection: Connection,
    action_key: str,
    data: Any,
    origin: str,
    idempotency_key: str | None = None,
    start: bool = True,
) -> ActionCall:
    """Use `connection` once. Return the call as far as it got: completed, waiting or failed.

    start: make the first attempt now, rather than leave it to the workers. Raises Problem when nothing was
    written because the call could not even begin: unknown_action, invalid_input, connection_*,
    missing_scope, forbidden, idempotency_key_reused.
    """
    action = allowed(actor, connection, action_key, data)
    fingerprint = fingerprint_of(action_key, data)
    if idempotency_key:
        earlier = ActionCall.objects.filter(connection=connection, idempotency_key=idempotency_key).first()
        if earlier:
            return _same(earlier, fingerprint)
    provider_access.check_usable(connection, action.scope, needed_by=f"“{action.name}”")
    call = ActionCall(
        workspace_id=connection.workspace_id,
        connection=connection,
        action=action_key,
        origin=origin,
        user_id=actor.user_id,
        api_key_id=actor.api_key_id,
        input=data,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        next_attempt_at=clock.now(),
    )
    lease = CallLease.claim_new(call) if start else None
    try:
        save(actor, call)
    except IntegrityError:
        winner = ActionCall.objects.get(connection=connection, idempotency_key=idempotency_key)
        return _same(winner, fingerprint)
    if lease is not None:
        _attempt(lease, Owner())
    return call


def _attempt(lease: CallLease, owner: Owner) -> None:
    try:
        attempt.Attempt(lease, owner).run()
    except LeaseLost:
        log.warning("call_taken_over", call=lease.row.key)
        lease.row.refresh_from_db()


def save(actor: Actor, call: ActionCall) -> None:
    """Store a new call and its audit event."""
    with transaction.atomic():
        call.save(force_insert=True)
        audit.record(
            actor,
            "action.called",
            connection=call.connection,
            target=call.key,
            detail={"action": call.action, "origin": call.origin},
        )
        if call.status == ActionCall.Status.PENDING:
            wakeup.wake_workers()


def allowed(actor: Actor, connection: Connection, action_key: str, data: Any) -> ActionType:
    """Return the action, if the actor may run it with that input.

    Raises Problem: unknown_action, forbidden, invalid_input.
    """
    action = find(connection, action_key)
    if not actor.may("actions:run", connection.workspace.account_id):
        raise Problem("forbidden", "You do not have permission to run actions here.", status=403)
    validate(action, data)
    return action


def find(connection: Connection, action_key: str) -> ActionType:
    """Return the action of that key, if the connection's provider has it. Raises Problem (unknown_action)."""
    action = catalog.find_action(action_key)
    if action is None or action_key.partition("/")[0] != connection.provider:
        raise Problem("unknown_action", f"There is no action {action_key[:80]}.", status=404)
    return action


def validate(action: ActionType, data: Any) -> Json:
    """Return `data` as the action takes it. Raises Problem (invalid_input) that names each field at fault."""
    try:
        return action.checked(data)
    except ValidationError as error:
        raise invalid_input(as_serializer_error(error)) from None


def fingerprint_of(action_key: str, data: Any) -> str:
    """Return a digest that is the same for calls with the same action and input."""
    text = json.dumps([action_key, data], sort_keys=True)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _same(earlier: ActionCall, fingerprint: str) -> ActionCall:
    """Return the earlier call of this idempotency key, if it asked for the same. Raises Problem otherwise."""
    if earlier.fingerprint != fingerprint:
        raise Problem(
            "idempotency_key_reused",
            "This Idempotency-Key was already used with a different request.",
            status=422,
            detail={"id": str(earlier.pk)},
        )
    return earlier


def for_step(*, connection: Connection, action_key: str, data: Json) -> ActionCall:
    """Return an unsaved call for a step, whose input has been checked."""
    return ActionCall(
        workspace_id=connection.workspace_id,
        connection=connection,
        action=action_key,
        origin=ActionCall.Origin.STEP,
        input=data,
        fingerprint=fingerprint_of(action_key, data),
    )


def advance_due(until: float, limit: int = 20) -> tuple[int, bool]:
    """Begin the next attempt of calls that are due outside any run, where there is room.

    until: `time.monotonic()` after which nothing new is begun. Return how many were begun, and whether more are due.
    """
    return due_work.begin(
        ActionCall.objects.due(clock.now()),
        connection="connection",
        place_of=lambda call: (call.workspace_id, call.connection_id),
        claim=CallLease.claim,
        work=_attempt_in_background,
        until=until,
        limit=limit,
    )


def _attempt_in_background(lease: CallLease) -> None:
    try:
        _attempt(lease, Owner())
    except Exception:
        # Our own fault: the row keeps its lease, so the next attempt comes when that has run out.
        log.exception("attempt_broke", call=lease.row.key, action=lease.row.action)
