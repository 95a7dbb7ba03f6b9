"""Streams: a listing sent to the client row by row, held neither in memory nor in the database."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from connections.grants import request_budget
from connections.models import Connection
from connections.tenancy.actor import Actor
from core.db import clock
from core.db.leases import LeaseLost, held
from core.errors import Problem
from core.request_slots import busy, provider_slot, provider_turn
from workflows.calls import attempt, outcomes, pipeline, problems, provider_access
from workflows.calls.context import Caller, Owner
from workflows.calls.leases import CallLease
from workflows.catalog import ActionType, Json, ProviderError, Streamed
from workflows.models import ActionCall

# How long one may take, and how long each of its requests may wait for its turn, by the rate limit and for a slot.
LONGEST_SECONDS = 15 * 60.0
_PATIENCE = 60.0
_LEASE = timedelta(minutes=5)


def lines(*, actor: Actor, connection: Connection, action_key: str, data: Any) -> Iterator[str]:
    """ "" once nothing can be refused any more, then each row as JSON on its line, then {"summary"} or {"error"}.

    Raises Problem before the first: as pipeline.call_action, not_streamed, busy.
    """
    action = pipeline.allowed(actor, connection, action_key, data)
    if action.stream is None:
        raise Problem("not_streamed", f"“{action.name}” does not support streaming.", status=406)
    provider_access.check_usable(connection, action.scope, needed_by=f"“{action.name}”")
    with ExitStack() as slot:
        wanted = provider_slot(connection.workspace_id, connection.pk)
        if _is_streaming(connection) or not slot.enter_context(wanted):
            raise busy()
        call = ActionCall(
            workspace_id=connection.workspace_id,
            connection=connection,
            action=action_key,
            origin=ActionCall.Origin.STREAM,
            user_id=actor.user_id,
            api_key_id=actor.api_key_id,
            input=data,
            fingerprint=pipeline.fingerprint_of(action_key, data),
        )
        lease = CallLease.claim_new(call)
        pipeline.save(actor, call)
        yield ""
        rows = _Stream(lease, Owner(), slot).lines()
        yield from (json.dumps(line, ensure_ascii=False) + "\n" for line in rows)


def _is_streaming(connection: Connection) -> bool:
    """One at a time for each workspace: a reader who is slow keeps a thread of the server."""
    running = ActionCall.objects.filter(origin=ActionCall.Origin.STREAM, status=ActionCall.Status.RUNNING)
    return running.filter(held(clock.now()), workspace=connection.workspace_id).exists()


class _Stream(attempt.Attempt):
    """The one attempt of a streamed call. slot: of its first request.

    It has a slot while it waits for the provider. While it waits for its reader, the gateway counts its thread.
    """

    def __init__(self, lease: CallLease, owner: Owner, slot: ExitStack) -> None:
        super().__init__(lease, owner)
        self._slot = slot

    def lines(self) -> Iterator[Json]:
        self.until = time.monotonic() + LONGEST_SECONDS
        try:
            output: Json = {"streamed": 0}
            for part in self._parts():
                yield from part.rows
                output["streamed"] += len(part.rows)
                output |= part.summary or {}
            self.lease.write(**outcomes.of_success(output))
            yield {"summary": {"id": str(self.call.pk), **output}}
        except GeneratorExit:
            self.lease.write(status=ActionCall.Status.CANCELLED, finished_at=clock.now())
            raise
        except LeaseLost:
            yield {"error": problems.of_cut_off_stream().as_error()}
        except Problem as problem:
            yield self._failed(problem)
        except ProviderError as error:
            yield self._failed(problems.of_provider_error(error))
        except request_budget.Exhausted as spent:
            yield self._failed(problems.of_spent_budget(spent))

    def _failed(self, problem: Problem) -> Json:
        self.lease.write(**outcomes.of_end(problem))
        return {"error": problem.as_error()}

    def _keep_lease(self) -> None:
        """Extend the lease, for longer than usual, since the reader may be slow."""
        self.lease.write(lease_until=clock.now() + _LEASE)

    def _parts(self) -> Iterator[Streamed]:
        with self._slot:
            action, connection = self.usable()
            part, parts = provider_access.authorised(
                connection, lambda token: self._begun(action, connection, token)
            )
        while part is not None:
            yield part
            with provider_turn(connection.workspace_id, connection.pk, _PATIENCE):
                part = next(parts, None)

    def _begun(
        self, action: ActionType, connection: Connection, token: str
    ) -> tuple[Streamed | None, Iterator[Streamed]]:
        """The first part, by which a token that is refused shows, and the others."""
        if action.stream is None:
            raise Problem("not_streamed", f"“{action.name}” does not support streaming.", status=406)
        meter = provider_access.Meter(
            connection, before=self._keep_lease, background=True, patience=_PATIENCE
        )
        data = action.checked(self.call.input)
        caller = Caller(self.call, cache_key="", sent_before=False, until=self.until)
        parts = action.stream(provider_access.open_api(connection, token, meter), data, caller)
        return next(parts), parts
