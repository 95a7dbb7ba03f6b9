"""Streams: a listing sent to the client row by row, held neither in memory nor in the database."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Any

from connections.grants import rate_limit
from connections.models import Connection
from connections.tenancy.actor import Actor
from core.db import clock
from core.errors import Problem
from core.request_slots import busy, stream_slot
from workflows.calls import attempt, outcomes, pipeline, provider_access
from workflows.calls.caller import Caller
from workflows.calls.owners import Owner
from workflows.catalog import ActionType, Json, ProviderError, Streamed
from workflows.models import ActionCall
from workflows.queue import claims

# How long one may take, and how long each of its requests may wait for its turn.
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
    attempt.check_usable(connection, action)
    with stream_slot() as free:
        if not free or _is_streaming(connection):
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
        holder = claims.claimed_from_birth(call)
        pipeline.save(actor, call)
        yield ""
        yield from (
            json.dumps(line, ensure_ascii=False) + "\n" for line in _Stream(call, holder, Owner()).lines()
        )


def _is_streaming(connection: Connection) -> bool:
    """One at a time for each workspace: a reader who is slow keeps a thread of the server."""
    running = ActionCall.objects.filter(origin=ActionCall.Origin.STREAM, status=ActionCall.Status.RUNNING)
    return running.filter(workspace=connection.workspace_id, lease_until__gt=clock.now()).exists()


class _Stream(attempt.Attempt):
    """The one attempt of a streamed call."""

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
        except claims.LeaseLost:
            yield {"error": attempt.cut_off().as_error()}
        except Problem as problem:
            yield self._failed(problem)
        except ProviderError as error:
            yield self._failed(outcomes.as_problem(error))
        except rate_limit.Exhausted as spent:
            yield self._failed(provider_access.as_problem(spent))

    def _failed(self, problem: Problem) -> Json:
        self.lease.write(**outcomes.of_end(problem))
        return {"error": problem.as_error()}

    def _keep_lease(self) -> None:
        """Extend the lease, for longer than usual, since the reader may be slow."""
        self.lease.write(lease_until=clock.now() + _LEASE)

    def _parts(self) -> Iterator[Streamed]:
        action, connection = self._usable()
        return provider_access.authorised(connection, lambda token: self._begun(action, connection, token))

    def _begun(self, action: ActionType, connection: Connection, token: str) -> Iterator[Streamed]:
        """The parts, the first of which has come: a token that is refused shows at once."""
        if action.stream is None:
            raise Problem("not_streamed", f"“{action.name}” does not support streaming.", status=406)
        meter = provider_access.Meter(
            connection, before=self._keep_lease, background=True, patience=_PATIENCE
        )
        data = action.checked(self.call.input)
        caller = Caller(self.call, cache_key="", sent_before=False, until=self.until)
        parts = action.stream(provider_access.open_api(connection, token, meter), data, caller)
        first = next(parts)
        return chain([first], parts)
