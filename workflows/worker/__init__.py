"""What the background workers do: `drain` whenever the doorbell rings, `sweep` to find what no ring reached."""

import time

from connections.grants import consent_expiry, refresh
from connections.mail import digest, notification_emails
from connections.mail import outbox as mail
from core.db import clock
from core.db.postgresql import plans
from workflows.calls import loop_detection, pipeline
from workflows.engine import fanout, scheduler
from workflows.inbox import rejections, unverified
from workflows.models import ActionCall, Watch
from workflows.outgoing import retention, sender
from workflows.queue import wakeup
from workflows.retention import prune
from workflows.runs import parking, rate_limit, replays
from workflows.subscriptions import reconciler
from workflows.triggers import polling

_BUDGET = 20.0
_FAN_OUT_AT_ONCE = 0.5
_OTHERS_EVERY = 0.25


def drain(budget: float = _BUDGET) -> int:
    """Do everything that is due, for at most about `budget` seconds. Return how many things were taken up.

    Runs as a background task; it carries no arguments because the rows say what there is to do.
    """
    begun = time.monotonic()
    done, end, others_due = 0, begun + budget, begun + _OTHERS_EVERY
    wakeup.still_alive()
    while (now := time.monotonic()) < end:
        plans.forget_old()
        # An event goes straight on to what it starts; where that takes long, what has been begun goes on in between.
        taken = fanout.fan_out_due(now + _FAN_OUT_AT_ONCE) + scheduler.advance_due(end)
        if not taken or time.monotonic() > others_due:
            taken += _others(end)
            others_due = time.monotonic() + _OTHERS_EVERY
        if not taken:
            return done
        done += taken
        wakeup.still_alive()
    wakeup.ring()
    return done


def _others(end: float) -> int:
    """What is due besides events and their runs, and may make more of them."""
    return (
        replays.advance_due(end)
        + polling.look_due(end)
        + pipeline.advance_due(end)
        + reconciler.tend_due(end)
    )


def send_hooks() -> int:
    """Send what is owed to hooks, apart from `drain`: nothing else waits for software elsewhere."""
    wakeup.still_alive()
    return sender.send_due()


def housekeeping() -> None:
    """What is due by the clock rather than by an event: token renewal and messages to the agency."""
    wakeup.still_alive()
    refresh.refresh_due()
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
    retention.prune()
    loop_detection.prune()
    prune.prune()
    if parking.release() + rate_limit.release():
        wakeup.ring()


def anything_due() -> bool:
    """Whether there is work that a worker could take up now."""
    now = clock.now()
    return (
        fanout.anything_due()
        or replays.anything_due()
        or scheduler.anything_due()
        or ActionCall.objects.due(now).exists()
        or Watch.objects.due(now).exists()
        or reconciler.anything_due()
    )
