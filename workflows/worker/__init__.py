"""Tasks of the background workers: `drain` at each wake-up, `housekeeping` by the clock.

None waits for software elsewhere. What does has a thread (workflows.worker.starting, core.passes).
"""

import time

from connections.grants import consent_expiry
from connections.mail import digest, notification_emails
from connections.mail import outbox as mail
from core import passes
from core.db import tenant_scope
from core.db.postgresql import plans
from workflows.calls import loop_detection
from workflows.deadlines import check
from workflows.engine import fanout, scheduler
from workflows.inbox import rejections, unverified
from workflows.outgoing import log_retention, sender
from workflows.queue import heartbeat, in_flight, wakeup
from workflows.retention import prune
from workflows.runs import parking, safety_limit
from workflows.subscriptions import reconciler
from workflows.worker import other_work, starting

_HOOKS = passes.Pass("hooks", sender.send_due)
_BUDGET = 20.0
_FAN_OUT_AT_ONCE = 0.5
_OTHERS_EVERY = 0.25


@tenant_scope.unscoped()
def drain(budget: float = _BUDGET) -> int:
    """Do everything that is due, for at most about `budget` seconds. Return how many things were taken up.

    Runs as a background task; it carries no arguments because the rows say what there is to do.
    """
    begun = time.monotonic()
    done, end, others_due = 0, begun + budget, begun + _OTHERS_EVERY
    _give_sign_of_life()
    while (now := time.monotonic()) < end:
        plans.forget_old()
        # An event goes straight on to what it starts; where that takes long, what has been begun goes on in between.
        events = fanout.fan_out_due(now + _FAN_OUT_AT_ONCE)
        taken = events + starting.begin_runs(end, fresh=bool(events or not done))
        if not taken or time.monotonic() > others_due:
            taken += _others(end)
            others_due = time.monotonic() + _OTHERS_EVERY
        if not taken:
            return done
        done += taken
        heartbeat.still_alive()
    wakeup.wake_workers()
    return done


def _others(end: float) -> int:
    """Process what is due besides events and their runs, and may create more of them."""
    kinds = other_work.due()
    return other_work.do_at_once(kinds, end) + starting.begin_others(kinds, end)


@tenant_scope.unscoped()
def send_hooks() -> int:
    """Send what is owed to webhook endpoints. Return how many attempts were made, if that is done at once."""
    _give_sign_of_life()
    return _HOOKS.make()


@tenant_scope.unscoped()
def housekeeping() -> None:
    """Do what is due by the clock: token refresh and messages to the agency, and what is deleted."""
    _give_sign_of_life()
    starting.begin_refreshes()
    consent_expiry.announce()
    notification_emails.distribute()
    digest.owe_due()
    mail.send_due()
    mail.prune()
    notification_emails.prune()
    unverified.release_late()
    unverified.forget_held()
    rejections.prune()
    reconciler.prune()
    check.prune()
    log_retention.prune()
    loop_detection.prune()
    prune.prune()
    if parking.release() + safety_limit.release():
        wakeup.wake_workers()


def _give_sign_of_life() -> None:
    """At the beginning of a task: the process is alive, unless something in its threads is stuck."""
    in_flight.leave_if_stuck()
    heartbeat.still_alive()


def anything_due() -> bool:
    """Return whether there is work that a worker could claim now."""
    return fanout.anything_due() or scheduler.anything_due() or bool(other_work.due())
