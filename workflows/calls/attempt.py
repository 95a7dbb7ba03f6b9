"""Attempts: one try of an action call at a time, each written down before it is made.

The row says `running`, with a lease and the attempt counted, before anything leaves; that of a step which writes
is first saved just then, since until then nothing has happened. If the process dies, the next attempt finds
`unsure` set and asks the provider what became of the last one before it repeats a write. What the provider does
not show yet may still be under way there: before `settles_at` nothing is sent again.
"""

import time
import uuid
from datetime import datetime

import structlog

from connections.grants import state
from connections.grants.rate_limit import Exhausted, NoRoom
from connections.models import Connection
from core.db import clock
from core.db.hot import batch
from core.errors import Problem
from workflows import catalog
from workflows.calls import loop_detection, outcomes, provider_access
from workflows.calls.caller import Caller
from workflows.calls.leases import CallLease
from workflows.calls.owners import Owner
from workflows.catalog import ActionType, Effect, Json, ProviderError
from workflows.catalog.answers import broken_promise
from workflows.models import ActionCall
from workflows.queue import metrics
from workflows.queue.claims import LEASE

log = structlog.get_logger(__name__)

# A worker begins nothing more after 20 seconds (workflows.worker) and is killed after 150 (Q_CLUSTER): in between
# fit this, the request that is then on its way (22) and, if the token was refused, a new one (25).
LONGEST_SECONDS = 75.0
# These come from something between us and the provider, which may still be at work behind it (RFC 9110,
# 15.6.3, 15.6.5); None is silence. With any other status it says itself that it is done with the request.
_NO_LAST_WORD = frozenset({None, 408, 502, 504, *range(505, 600)})


class _TooEarly(Exception):
    """The last request may still be at work at the provider, and it has nothing to show of it yet."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


def check_usable(connection: Connection, action: ActionType) -> None:
    """Raises Problem when the connection cannot serve this action: its state, or a scope not granted."""
    state.check_usable(connection)
    granted = connection.grant.scopes_granted
    if not catalog.integration(connection.provider).covers(action.scope, granted):
        raise Problem(
            "missing_scope",
            f"This connection was not granted {action.scope}, which “{action.name}” needs. Reconnect and grant it.",
            status=403,
            detail={"scope": action.scope},
        )


def cut_off() -> Problem:
    """What a stream ends with that did not come to its end."""
    return Problem("stream_cut_off", "The stream was interrupted; request it again.", status=502)


class Attempt:
    """One claimed try of a call, from the look at the connection to the answer on the row.

    call: as `claim` left it, or unsaved after `claimed_from_birth`; then with its connection and grant just
    read. data: its input as the action takes it, if that is known already.
    """

    def __init__(self, call: ActionCall, holder: uuid.UUID, owner: Owner, data: Json | None = None) -> None:
        self.call = call
        self.owner = owner
        self.lease = CallLease(call, holder, owner)
        self._data = data
        self.unsure_before = call.unsure
        self.sent = False
        self._tries = 0  # with how many tokens
        self.until = time.monotonic() + LONGEST_SECONDS

    def run(self) -> None:
        """Make it and write down how it ended; the call is then completed, waiting, paused or failed.

        Raises LeaseLost when the row belongs to another worker by now, OwnerLost when what it serves does.
        """
        began = time.monotonic()
        self._run()
        metrics.attempted(self.call, time.monotonic() - began)

    def _run(self) -> None:
        try:
            output = self._perform()
        except _TooEarly as early:
            self.lease.write(**outcomes.of_early_look(self.call, early.until))
        except Exhausted as spent:
            self.lease.write(**outcomes.of_spent_budget(self.call, spent, sent=self.sent))
        except ProviderError as error:
            # What an earlier attempt may have done is not known better because this one was refused.
            unsure = self.unsure_before or (self.sent and error.outcome_unknown)
            settled = {"settles_at": None} if self.sent and error.status not in _NO_LAST_WORD else {}
            failure = outcomes.of_failure(self.call, outcomes.as_problem(error))
            self.lease.write(**failure, **settled, unsure=unsure)
            if self.sent and not unsure:
                loop_detection.forget(self.call)
        except Problem as problem:
            unsure = self.sent or self.unsure_before
            self.lease.write(**outcomes.of_failure(self.call, problem), unsure=unsure)
        else:
            # A result that was found, not answered, may be a twin's; then our own request is still under way.
            settled = {"settles_at": None} if self.sent else {}
            if self.sent and output.get("changed") is False:
                loop_detection.forget(self.call)  # another client made the change first: the event is theirs
            self.lease.complete(outcomes.of_success(output) | settled | {"unsure": False})

    def _perform(self) -> Json:
        action, connection = self._usable()
        output = provider_access.authorised(
            connection,
            lambda token: self._with_token(action, connection, token),
            just_read=True,
            on_refusal=self._refused,
        )
        if lacking := broken_promise(action.output_schema, output):
            provider = catalog.integration(connection.provider).name
            raise ProviderError(
                "provider_error",
                f"{provider}’s response lacks required fields: {lacking}.",
                status=200,
                retryable=True,
                outcome_unknown=self.sent,
            )
        return output

    def _usable(self) -> tuple[ActionType, Connection]:
        """What is to be done by which connection. Raises Problem."""
        if self.call.origin == ActionCall.Origin.STREAM and self.call.attempts > 1:
            raise cut_off()  # its reader has disconnected, and no output was kept
        if self.call.attempts > outcomes.MAX_ATTEMPTS + self.call.rounds:
            raise Problem(
                "attempts_exhausted", "Each attempt was interrupted before it finished.", status=502
            )
        action = catalog.find_action(self.call.action)
        if action is None:
            raise Problem("unknown_action", f"The action {self.call.action} no longer exists.", status=404)
        unsaved = self.lease.unsaved
        if unsaved and not action.writes:
            self.lease.write()  # It may take long, and a member may look at it meanwhile.
        connection = (
            self.call.connection if unsaved else Connection.objects.get_with_grant(pk=self.call.connection_id)
        )
        check_usable(connection, action)
        return action, connection

    def _refused(self) -> None:
        """The provider did not take the token, so nothing was done."""
        if self.sent:
            self.sent = False
            self.lease.write(unsure=self.unsure_before, settles_at=None)
            if not self.unsure_before:
                loop_detection.forget(self.call)

    def _with_token(self, action: ActionType, connection: Connection, token: str) -> Json:
        self._tries += 1
        if self._tries > 1:  # the provider is asked once more, so it is an attempt more
            self.lease.write(attempts=self.call.attempts + 1)
        data = action.checked(self.call.input) if self._data is None else self._data
        background = action.in_background(data)
        meter = provider_access.Meter(connection, before=self.lease.keep, background=background)
        api = provider_access.open_api(connection, token, meter)
        cache_key = f"{connection.pk}:{connection.grant.generation}"
        caller = Caller(self.call, cache_key, sent_before=self.call.unsure, until=self.until)
        if self.call.unsure and action.recover is not None:
            looked_at = clock.now()
            recovered = action.recover(api, data, caller)
            if recovered is not None:
                return recovered
            until = caller.unsettled_until(looked_at)
            if until is not None:
                raise _TooEarly(until)
        if action.check is not None:
            action.check(api, data, caller)
        if action.prepare is not None:
            prepared = action.prepare(api, data, caller)
            if prepared.output is not None:
                if self.lease.unsaved:
                    self.lease.write()
                return prepared.output
            data = prepared.data
        if action.writes:
            effects = action.effects(api, data, caller) if action.effects else []
            self._about_to_send(action, connection, effects, meter)
        return action.perform(api, data, caller)

    def _about_to_send(
        self, action: ActionType, connection: Connection, effects: list[Effect], meter: provider_access.Meter
    ) -> None:
        """From here on the outcome is unknown until an answer is stored, and an event may tell of it."""
        try:
            self._write_ahead(action, connection, effects, meter)
        except NoRoom:
            meter.reserve()  # with the patience that no statement has
            self._write_ahead(action, connection, effects, meter)
        self.sent = True

    def _write_ahead(
        self, action: ActionType, connection: Connection, effects: list[Effect], meter: provider_access.Meter
    ) -> None:
        """In one with the place in the budget of requests, so that no commit more is waited for."""
        now = clock.now()
        with batch.in_one():
            self.lease.hold()
            meter.reserve_in_one()
            self.lease.put(
                {
                    "unsure": True,
                    "first_sent_at": self.call.first_sent_at or now,
                    "settles_at": now + action.settles_in,
                    "lease_until": now + LEASE,
                }
            )
            loop_detection.record(self.call, connection, effects, self.owner.run)
