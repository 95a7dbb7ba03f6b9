"""The one pipeline for every use of a connection: by a step, the API, or a person trying an action."""

import hashlib
import json
import time
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from rest_framework.serializers import ValidationError, as_serializer_error

from connections import audit
from connections.api.errors import invalid_input
from connections.models import Connection
from connections.tenancy.actor import Actor
from core.db import clock
from core.errors import Problem
from workflows import catalog
from workflows.calls import attempt
from workflows.calls.owners import Owner
from workflows.catalog import ActionType, Json
from workflows.models import ActionCall
from workflows.queue import claims, wakeup

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
    """Use `connection` once, and answer the call as far as it got: completed, waiting or failed.

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
    attempt.check_usable(connection, action)
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
    holder = claims.claimed_from_birth(call) if start else None
    try:
        save(actor, call)
    except IntegrityError:
        winner = ActionCall.objects.get(connection=connection, idempotency_key=idempotency_key)
        return _same(winner, fingerprint)
    if holder is not None:
        _attempt(call, holder, Owner())
    return call


def _attempt(call: ActionCall, holder: UUID, owner: Owner) -> None:
    try:
        attempt.Attempt(call, holder, owner).run()
    except claims.LeaseLost:
        log.warning("call_taken_over", call=call.key)
        call.refresh_from_db()


def save(actor: Actor, call: ActionCall) -> None:
    """A new call and its place in the audit."""
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
            wakeup.ring()


def allowed(actor: Actor, connection: Connection, action_key: str, data: Any) -> ActionType:
    """The action, if the actor may have it done with that input. Raises Problem (unknown_action, forbidden,
    invalid_input).
    """
    action = find(connection, action_key)
    if not actor.may("actions:run", connection.workspace.account_id):
        raise Problem("forbidden", "You do not have permission to run actions here.", status=403)
    validate(action, data)
    return action


def find(connection: Connection, action_key: str) -> ActionType:
    """The action of that key, if the connection's provider has it. Raises Problem (unknown_action)."""
    action = catalog.find_action(action_key)
    if action is None or action_key.partition("/")[0] != connection.provider:
        raise Problem("unknown_action", f"There is no action {action_key[:80]}.", status=404)
    return action


def validate(action: ActionType, data: Any) -> Json:
    """`data` as the action takes it. Raises Problem (invalid_input) that names each field at fault."""
    try:
        return action.checked(data)
    except ValidationError as error:
        raise invalid_input(as_serializer_error(error)) from None


def fingerprint_of(action_key: str, data: Any) -> str:
    """The same for calls that ask for the same thing."""
    text = json.dumps([action_key, data], sort_keys=True)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _same(earlier: ActionCall, fingerprint: str) -> ActionCall:
    """The call that this idempotency key already made, if it asked for the same thing."""
    if earlier.fingerprint != fingerprint:
        raise Problem(
            "idempotency_key_reused",
            "This Idempotency-Key was already used with a different request.",
            status=422,
            detail={"id": str(earlier.pk)},
        )
    return earlier


def for_step(*, connection: Connection, action_key: str, data: Json) -> ActionCall:
    """An unsaved call for a workflow's step, whose input has been checked."""
    return ActionCall(
        workspace_id=connection.workspace_id,
        connection=connection,
        action=action_key,
        origin=ActionCall.Origin.STEP,
        input=data,
        fingerprint=fingerprint_of(action_key, data),
    )


def advance_due(until: float, limit: int = 20) -> int:
    """Make the next attempt of calls that are due outside any run. Return how many were taken up.

    until: `time.monotonic()` after which nothing new is begun.
    """
    taken = 0
    for call in ActionCall.objects.due(clock.now())[:limit]:
        if time.monotonic() > until:
            break
        holder = claims.claim(call)
        if holder is not None:
            taken += 1
            try:
                _attempt(call, holder, Owner(wakeup.still_alive))
            except Exception:
                # Our own fault: the row keeps its lease, so the next attempt comes when that has run out.
                log.exception("attempt_broke", call=call.key, action=call.action)
    return taken
