"""Receivers for restored and revoked connections; connections only sends the signals."""

from typing import Any

from django.dispatch import receiver

from connections.models import Connection
from connections.signals import connection_restored, connection_revoked, connection_revoking
from core.db import clock
from core.db.leases import RELEASED
from core.errors import Problem
from workflows.deadlines import begin_end, check
from workflows.health import stopping
from workflows.models import ActionCall, Deadline, HeldDelivery, Run, Subscription, Trigger
from workflows.queue import wakeup
from workflows.runs import parking
from workflows.subscriptions import remove
from workflows.triggers import polling


@receiver(connection_restored, dispatch_uid="workflows_resume")
def resume_parked_runs(connection: Connection, **kwargs: Any) -> None:
    """Resume runs that waited for this connection at their step; poll, and check deadlines, again."""
    waiting = Run.objects.filter(blocked_on=connection, status=Run.Status.PAUSED)
    if parking.resume(waiting) + polling.wake(connection) + check.wake(connection):
        wakeup.wake_workers()


@receiver(connection_restored, dispatch_uid="workflows_look_after_webhooks")
def look_after_webhooks(connection: Connection, **kwargs: Any) -> None:
    """Check webhooks that waited for the connection at once."""
    waiting = Subscription.objects.open().filter(trigger__connection=connection)
    if waiting.update(next_attempt_at=clock.now()):
        wakeup.wake_workers()


@receiver(connection_revoking, dispatch_uid="workflows_remove_webhooks")
def remove_webhooks(connection: Connection, **kwargs: Any) -> dict[str, int]:
    """While there still are tokens: our webhooks at the provider go, as far as that can be had at once."""
    if not Subscription.objects.open().filter(trigger__connection=connection).exists():
        return {}
    return {"Webhooks removed at the provider": remove.remove_all(connection)}


@receiver(connection_revoked, dispatch_uid="workflows_stop")
def stop_everything(connection: Connection, **kwargs: Any) -> dict[str, Any]:
    """Close the triggers, throw away what they held, cancel waiting calls and fail the runs behind them.

    Return how many of each, and the names of what stops, in the words of the receipt.
    """
    now, names = clock.now(), stopping.names_of(connection)
    open_ = Trigger.objects.filter(connection=connection).exclude(status=Trigger.Status.CLOSED)
    closed = open_.update(status=Trigger.Status.CLOSED)
    HeldDelivery.objects.filter(trigger__connection=connection).delete()
    deadlines = Deadline.objects.filter(trigger__connection=connection)
    no_longer = begin_end.cancel(deadlines, "The connection was revoked.")
    problem = Problem("connection_revoked", "The connection was revoked.", status=409)
    error = {**problem.as_error(), "status": problem.status}
    ended = parking.fail_revoked(Run.objects.filter(blocked_on=connection, status=Run.Status.PAUSED))
    waiting = ActionCall.objects.filter(connection=connection, status__in=["pending", "waiting", "paused"])
    cancelled = waiting.update(
        status=ActionCall.Status.CANCELLED, error=error, next_attempt_at=None, finished_at=now
    )
    # A stream's reader learns at its next page that the connection is revoked.
    reading = ActionCall.objects.filter(connection=connection, status="running", origin="stream")
    reading.update(status=ActionCall.Status.CANCELLED, error=error, finished_at=now, **RELEASED)
    # A run that was waiting for a cancelled call finds that out at once instead of when it is due.
    Run.objects.filter(status=Run.Status.WAITING, steps__call__connection=connection).update(due_at=now)
    wakeup.wake_workers()
    stopped = {
        "Triggers closed": closed,
        "Pending API requests cancelled": cancelled,
        "Paused runs ended": ended,
    }
    left = remove.leave_all(connection)
    return (
        names
        | stopped
        | ({"Deadlines ended": no_longer} if no_longer else {})
        | ({"Webhooks left at the provider, to be removed there manually": left} if left else {})
    )
