"""Attempts: one try of an action call at a time, each written down before it is made.

The row says `running`, with a lease and the attempt counted, before anything leaves. If the process dies, the
next attempt finds `unsure` set and asks the provider what became of the last one before it repeats a write.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import Q
from django.utils import timezone

from connections import grant_state, grants
from connections.models import Connection
from connections.problems import Problem
from workflows import catalog, outcomes
from workflows.catalog import ActionType, Json, ProviderError, Twins
from workflows.models import ActionCall

log = structlog.get_logger(__name__)

# Renewed before each request that leaves; a request takes at most 22 seconds (pagerduty_app.client.transport).
LEASE = timedelta(seconds=30)
_LEFT_FOR_A_REQUEST = timedelta(seconds=25)
# Notes and the like of calls that ended this long before ours began are certainly not ours.
_TWINS_SINCE = timedelta(minutes=10)
_MOST_TWINS = 500
Status = ActionCall.Status


@dataclass(frozen=True)
class Caller:
    """The call as its action sees it (workflows.catalog.Caller)."""

    call: ActionCall
    cache_key: str

    @property
    def key(self) -> str:
        return self.call.key

    @property
    def first_sent_at(self) -> datetime | None:
        return self.call.first_sent_at

    def twins(self) -> Twins:
        since = (self.first_sent_at or self.call.created_at) - _TWINS_SINCE
        twins = ActionCall.objects.filter(
            connection=self.call.connection_id, fingerprint=self.call.fingerprint
        ).exclude(pk=self.call.pk)
        at_work = twins.filter(status=Status.RUNNING, unsure=True, lease_until__gte=timezone.now())
        done = twins.filter(status=Status.COMPLETED, finished_at__gte=since)
        return Twins(
            at_work=at_work.exists(),
            outputs=[
                twin.output or {} for twin in done.order_by("-finished_at").only("output")[:_MOST_TWINS]
            ],
        )


class LeaseLost(Exception):
    """Another worker has taken the call over; this one must not write or send any more."""


def check_usable(connection: Connection, action: ActionType) -> None:
    """Raises Problem when the connection cannot serve this action: its state, or a scope not granted."""
    grant_state.check_usable(connection)
    granted = connection.grant.scopes_granted
    if not catalog.integration(connection.provider).covers(action.scope, granted):
        raise Problem(
            "missing_scope",
            f"This connection was not granted {action.scope}, which “{action.name}” needs. "
            "Reconnect and allow it.",
            status=403,
            detail={"scope": action.scope},
        )


def claimed_from_birth(call: ActionCall) -> uuid.UUID:
    """Fill in an unsaved call as claimed for its first attempt, so that saving it is also claiming it."""
    call.status = Status.RUNNING
    call.attempts = 1
    call.lease_holder = uuid.uuid4()
    call.lease_until = timezone.now() + LEASE
    return call.lease_holder


def claim(call: ActionCall) -> uuid.UUID | None:
    """Take the call up for one more attempt. None when somebody else has it or it is not open any more."""
    holder, now = uuid.uuid4(), timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    claimed = ActionCall.objects.filter(
        free,
        pk=call.pk,
        status__in=[Status.PENDING, Status.RUNNING, Status.WAITING, Status.PAUSED],
        attempts=call.attempts,
    ).update(
        status=Status.RUNNING,
        attempts=call.attempts + 1,
        next_attempt_at=None,
        lease_holder=holder,
        lease_until=now + LEASE,
    )
    if not claimed:
        return None
    call.refresh_from_db()
    return holder


class Attempt:
    """One claimed try of a call, from the look at the connection to the answer on the row.

    keep_run: called before each request, so that a run whose step this is keeps its own lease.
    """

    def __init__(
        self, call: ActionCall, holder: uuid.UUID, keep_run: Callable[[], None] = lambda: None
    ) -> None:
        self.call = call
        self.holder = holder
        self.keep_run = keep_run
        self.sent = False

    def run(self) -> None:
        """Make it and write down how it ended; the call is then completed, waiting, paused or failed.

        Raises LeaseLost when the row belongs to another worker by now.
        """
        was_unsure = self.call.unsure
        try:
            output = self._perform()
        except ProviderError as error:
            # What an earlier attempt may have done is not known better because this one was refused.
            unsure = was_unsure or (self.sent and error.outcome_unknown)
            self._write(**outcomes.of_failure(self.call, outcomes.as_problem(error)), unsure=unsure)
        except Problem as problem:
            unsure = self.sent or was_unsure
            self._write(**outcomes.of_failure(self.call, problem), unsure=unsure)
        else:
            self._write(**outcomes.of_success(output), unsure=False)

    def _perform(self) -> Json:
        if self.call.attempts > outcomes.MAX_ATTEMPTS:
            raise Problem("attempts_exhausted", "Each attempt was cut off before it ended.", status=502)
        action = catalog.find_action(self.call.action)
        if action is None:
            raise Problem("unknown_action", f"There is no action {self.call.action} any more.", status=404)
        connection = Connection.objects.select_related("grant", "workspace").get(pk=self.call.connection_id)
        check_usable(connection, action)
        token = grants.access_token(connection)
        connection.used()
        try:
            return self._with_token(action, connection, token)
        except ProviderError as error:
            if not error.credential:
                raise
        # The provider did not take the token: ask for a new one, once. If that is not taken either, only a
        # person can help.
        token = grants.replace_refused_token(connection, refused=token)
        try:
            return self._with_token(action, connection, token)
        except ProviderError as error:
            if error.credential:
                raise grants.give_up(connection, reason=error.message, refused=token) from None
            raise

    def _with_token(self, action: ActionType, connection: Connection, token: str) -> Json:
        api = catalog.integration(connection.provider).open_api(connection.region, token, self._keep_lease)
        data = action.input(data=self.call.input)
        data.is_valid(raise_exception=True)
        caller = Caller(self.call, cache_key=f"{connection.pk}:{connection.grant.generation}")
        if self.call.unsure and action.recover is not None:
            recovered = action.recover(api, data.validated_data, caller)
            if recovered is not None:
                return recovered
        if action.check is not None:
            action.check(api, data.validated_data, caller)
        if action.writes:
            self._about_to_send()
        return action.perform(api, data.validated_data, caller)

    def _about_to_send(self) -> None:
        """From here on the outcome is unknown until an answer is stored."""
        now = timezone.now()
        self._write(unsure=True, first_sent_at=self.call.first_sent_at or now, lease_until=now + LEASE)
        self.sent = True

    def _keep_lease(self) -> None:
        self.keep_run()
        now = timezone.now()
        if self.call.lease_until is None or self.call.lease_until - now < _LEFT_FOR_A_REQUEST:
            self._write(lease_until=now + LEASE)

    def _write(self, **fields: Any) -> None:
        """Change the row while it is still ours; a status other than `running` gives the lease back."""
        if fields.get("status", Status.RUNNING) != Status.RUNNING:
            fields.update(lease_holder=None, lease_until=None)
        ours = ActionCall.objects.filter(pk=self.call.pk, lease_holder=self.holder, status=Status.RUNNING)
        if not ours.update(**fields):
            raise LeaseLost(self.call.key)
        for name, value in fields.items():
            setattr(self.call, name, value)
