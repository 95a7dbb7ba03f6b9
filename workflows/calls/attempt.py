"""Attempts: one try of an action call in three moments, each of which is stored before the next one begins.

1. Claim and write ahead (database). The row says `running`, with a lease and the attempt counted, before anything
   leaves. A write also says `unsure`; the first attempt of a step that writes is inserted only then, because until
   then nothing has happened.
2. Exchange (network, workflows.calls.exchange).
3. Settle (database, workflows.calls.outcomes). The row has the result, in one batch with what follows from it, or the
   time of the next attempt.

If the process dies during an exchange, the next attempt finds `unsure` and asks the provider what became of the
write before it repeats it. What the provider does not show yet may still take effect there: before `settles_at`
nothing is sent again.
"""

import time
from collections.abc import Callable
from functools import partial

from connections.grants.request_budget import Exhausted, NoRoom
from connections.models import Connection
from core.db import clock
from core.db.hot.batch import Batch
from core.errors import Problem
from workflows import catalog
from workflows.calls import loop_detection, outcomes, problems, provider_access
from workflows.calls.context import Caller, Owner
from workflows.calls.exchange import Exchange, NotSettled
from workflows.calls.leases import CallLease
from workflows.catalog import ActionType, Effect, Json, ProviderError
from workflows.catalog.answers import broken_promise
from workflows.models import ActionCall
from workflows.queue import metrics

# A walk begins no step after 20 seconds (workflows.engine.scheduler) and counts as stuck after 180
# (workflows.queue.in_flight): in between fit this, the request that is then on its way (22) and, if the token was
# refused, a new one (25).
LONGEST_SECONDS = 75.0


class Attempt:
    """One claimed try of a call.

    lease: of a call that is saved, or unsaved with its connection and grant just read. data: its input as
    the action takes it, if that is known already.
    """

    def __init__(self, lease: CallLease, owner: Owner, data: Json | None = None) -> None:
        self.call = lease.row
        self.owner = owner
        self.lease = lease
        lease.owner = owner
        self._data = data
        self.settlement = outcomes.Settlement(self.lease)
        self._tokens = 0
        self._moments = metrics.Attempted()
        self.until = time.monotonic() + LONGEST_SECONDS

    def run(self) -> None:
        """Make the attempt and store how it ended: the call is then completed, waiting, paused or failed.

        Raises LeaseLost when another worker holds the call, or what it serves, by now.
        """
        with self._moments as moments:
            settle = self._outcome()
            moments.enter("settle")
            settle()
        moments.count(self.call)

    def _outcome(self) -> Callable[[], None]:
        """Make the attempt. Return what stores its outcome."""
        settlement = self.settlement
        try:
            action, connection = self.usable()
            output = provider_access.authorised(
                connection,
                lambda token: self._with_token(action, connection, token),
                just_read=True,
                on_refusal=settlement.refused_token,
            )
            self._check_output(action, connection, output)
        except NotSettled as early:
            return partial(settlement.too_early, early.until)
        except Exhausted as spent:
            return partial(settlement.spent_budget, spent)
        except ProviderError as error:
            return partial(settlement.refusal, error)
        except Problem as problem:
            return partial(settlement.problem, problem)
        return partial(settlement.success, output)

    # --- claim and write ahead: database ------------------------------------------------------------
    def usable(self) -> tuple[ActionType, Connection]:
        """Return the action and the connection, with its grant. Raises Problem."""
        if self.call.origin == ActionCall.Origin.STREAM and self.call.attempts > 1:
            raise problems.of_cut_off_stream()  # its reader has disconnected, and no output was kept
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
        provider_access.check_usable(connection, action.scope, needed_by=f"“{action.name}”")
        return action, connection

    def _write_ahead(self, exchange: Exchange, connection: Connection, meter: provider_access.Meter) -> None:
        """Store that the outcome is unknown until a response is stored, and which events may report the write."""
        effects = exchange.effects()
        self._moments.enter("write_ahead")
        try:
            self._write_ahead_batch(exchange, connection, effects, meter)
        except NoRoom:
            meter.reserve()  # with the patience that no statement has
            self._write_ahead_batch(exchange, connection, effects, meter)
        self.settlement.sent = True
        self._moments.enter("exchange")

    def _write_ahead_batch(
        self, exchange: Exchange, connection: Connection, effects: list[Effect], meter: provider_access.Meter
    ) -> None:
        """Write ahead in one batch with the place in the request budget, which costs no further commit."""
        now = clock.now()
        kept = {"baseline": exchange.baseline} if exchange.baseline is not None else {}
        with Batch() as batch:
            self.lease.hold(batch)
            meter.reserve_in(batch)
            self.lease.put(
                batch,
                unsure=True,
                first_sent_at=self.call.first_sent_at or now,
                settles_at=now + exchange.settles_in(),
                **kept,
                **self.lease.renewed(),
            )
            loop_detection.record(batch, self.call, connection, effects, self.owner.run)

    # --- exchange: network, but for the writes between its parts --------------------------------------
    def _with_token(self, action: ActionType, connection: Connection, token: str) -> Json:
        """Return the output. Raises what an Exchange raises."""
        self._tokens += 1
        if self._tokens > 1:  # the provider is asked once more, so it is an attempt more
            self.lease.write(attempts=self.call.attempts + 1)
        data = action.checked(self.call.input) if self._data is None else self._data
        meter = provider_access.Meter(
            connection, before=self.lease.keep, background=action.in_background(data)
        )
        cache_key = f"{connection.pk}:{connection.grant.generation}"
        caller = Caller(self.call, cache_key, sent_before=self.call.unsure, until=self.until)
        exchange = Exchange(action, provider_access.open_api(connection, token, meter), data, caller)
        self._moments.enter("exchange")
        recovered = exchange.recover()
        if recovered is not None:
            return recovered
        done = exchange.prepare()
        if done is not None:
            if self.lease.unsaved:
                self.lease.write()
            return done
        if action.writes:
            self._write_ahead(exchange, connection, meter)
        return exchange.send()

    def _check_output(self, action: ActionType, connection: Connection, output: Json) -> None:
        """Raise ProviderError if the response lacks what the action promises to later steps."""
        if lacking := broken_promise(action.output_schema, output):
            provider = catalog.integration(connection.provider).name
            raise ProviderError(
                "provider_error",
                f"{provider}’s response lacks required fields: {lacking}.",
                status=200,
                retryable=True,
                outcome_unknown=self.settlement.sent,
            )
