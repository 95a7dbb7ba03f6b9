"""The word and the tone of each status that a page shows as a badge, by kind of thing."""

from typing import NamedTuple


class Status(NamedTuple):
    """tone: good, warn, bad or off; the badge's colour in components.css."""

    words: str
    tone: str


_CANCELLED = Status("Cancelled", "off")
_COMPLETED = Status("Completed", "good")
_FAILED = Status("Failed", "bad")
_FAILING = Status("Failing", "bad")
_PAUSED = Status("Paused", "warn")
_PENDING = Status("Pending", "warn")
_CANNOT_RUN = Status("Cannot run", "bad")
_RECONNECTION_NEEDED = Status("Reconnection needed", "bad")
_ACTIVE = Status("Active", "good")
_EXPIRED = Status("Expired", "bad")

# A key "<status>_<reason>" describes a status that has a reason of its own, such as a pause for safety.
STATUSES: dict[str, dict[str, Status]] = {
    "connection": {
        "pending": _PENDING,
        "unused": _ACTIVE,
        "working": _ACTIVE,
        "limited": Status("Limited", "warn"),
        "renewal_delayed": Status("Renewal delayed", "warn"),
        "consent_ends": Status("Authorization ends soon", "warn"),
        "failing": _FAILING,
        "reconnection_needed": _RECONNECTION_NEEDED,
        "revoked": Status("Revoked", "off"),
    },
    "workspace": {
        "healthy": Status("Healthy", "good"),
        "empty": Status("Nothing connected", "off"),
        "failing": _FAILING,
        "webhook_off": Status("Webhook off", "bad"),
        "cannot_run": _CANNOT_RUN,
        "reconnection_needed": _RECONNECTION_NEEDED,
    },
    "trigger": {
        "waiting": Status("Needs signing secret", "warn"),
        "no_secret": Status("No signing secret", "bad"),
        "unconfirmed": Status("Awaiting first event", "warn"),
        "first_look": Status("First poll pending", "warn"),
        "no_answer": Status("Polling failed", "bad"),
        "live": _ACTIVE,
        "paused": Status("Paused", "off"),
        "closed": Status("Closed", "off"),
    },
    "webhook": {
        "by_itself": Status("Automatic", "good"),
        "by_hand": Status("Manual", "off"),
    },
    "verdict": {
        "accepted": Status("Accepted", "good"),
        "ignored": Status("Ignored type", "off"),
        "filtered": Status("Filtered", "off"),
        "held": Status("Held", "warn"),
        "duplicate": Status("Duplicate", "off"),
        "refused": Status("Rejected", "bad"),
        "failed": _FAILED,
    },
    "workflow": {
        "draft": Status("Draft", "off"),
        "active": _ACTIVE,
        "waiting": Status("Waiting for reconnection", "warn"),
        "failing": _FAILING,
        "cannot_run": _CANNOT_RUN,
        "paused": _PAUSED,
        "paused_for_safety": Status("Paused (safety limit)", "warn"),
        "archived": Status("Archived", "off"),
    },
    "version": {
        "published": Status("Published", "good"),
        "earlier": Status("Previous", "off"),
        "added": Status("Added", "good"),
        "changed": Status("Changed", "warn"),
        "removed": Status("Removed", "bad"),
    },
    "run": {
        "pending": _PENDING,
        "running": Status("Running", "warn"),
        "waiting": Status("Waiting", "warn"),
        "paused": _PAUSED,
        "paused_safety": Status("Paused (safety limit)", "warn"),
        "completed": _COMPLETED,
        "failed": _FAILED,
        "cancelled": _CANCELLED,
    },
    "endpoint": {
        "active": _ACTIVE,
        "failing": _FAILING,
        "paused": Status("Paused", "off"),
        "paused_gone": Status("Paused", "bad"),
    },
    "delivery": {
        "waiting": _PENDING,
        "delivered": Status("Delivered", "good"),
        "dead": _FAILED,
        "cancelled": _CANCELLED,
    },
    "secret": {
        "active": _ACTIVE,
        "retired": Status("Retired", "off"),
    },
    "key": {
        "expired": Status("Expired", "off"),
    },
    "invitation": {
        "expired": _EXPIRED,
    },
    "email": {
        "confirmed": Status("Confirmed", "good"),
        "unconfirmed": Status("Not confirmed", "warn"),
        "primary": Status("Primary", "off"),
    },
    "second_factor": {
        "on": Status("On", "good"),
        "off": Status("Off", "off"),
    },
    # Sets one entry of a list apart from the others, independent of its status.
    "mark": {
        "test": Status("Test", "off"),
        "draft_test": Status("Test run", "warn"),
        "replay": Status("Replay", "off"),
        "recovered": Status("Recovered", "off"),
        "under_way": Status("In progress", "warn"),
        "no_second_factor": Status("2FA off", "off"),
        "this_session": Status("This device", "off"),
    },
}


def find(kind: str, status: str, reason: str = "") -> Status:
    """The entry for `status`, or the more exact one for `status` with `reason` where there is one."""
    known = STATUSES[kind]
    return known.get(f"{status}_{reason}") or known[status]
