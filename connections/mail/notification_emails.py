"""Distribution: facts become notifications, and a receipt for each person, in the background.

However many facts of a group there are, a person has one notification of it for each window.
"""

import time
import uuid
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from connections import retention_periods
from connections.mail.base import line
from connections.models import Account, Notification, NotificationFact, NotificationReceipt
from connections.notifications import kinds, preferences
from connections.notifications.kinds import Email, Kind, Words
from core.db import clock

log = structlog.get_logger(__name__)

_AT_ONCE = 500
_BUDGET = 5.0
_PRUNED = 500
# However often it happens, a person is emailed about one notification at most once in this time.
EMAIL_EVERY = timedelta(hours=1)
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
Modes = dict[str, dict[int, Email]]


def distribute(budget: float = _BUDGET) -> int:
    """Notify people of what has happened since the last time. Return how many facts that were."""
    end, done = time.monotonic() + budget, 0
    while time.monotonic() < end:
        some = _distribute_some()
        done += some
        if some < _AT_ONCE:
            break
    return done


@transaction.atomic
def _distribute_some() -> int:
    """Facts that another worker is distributing are left to it."""
    waiting = NotificationFact.objects.select_for_update(skip_locked=True, of=("self",))
    facts = list(waiting.select_related("workspace").order_by("pk")[:_AT_ONCE])
    groups = defaultdict[tuple[uuid.UUID, str, str], list[NotificationFact]](list)
    for fact in facts:
        groups[fact.workspace.account_id, fact.kind, fact.group].append(fact)
    modes: dict[uuid.UUID, Modes] = {}
    # In the same order everywhere: workers that write the same notifications wait for each other, never both.
    for account_id, key, group in sorted(groups):
        kind = kinds.find(key)
        if kind is None:
            log.error("notification_kind_unknown", kind=key)
            continue
        if account_id not in modes:
            modes[account_id] = preferences.of_account(account_id)
        _notify(account_id, kind, groups[account_id, key, group], modes[account_id][key])
    NotificationFact.objects.filter(pk__in=[fact.pk for fact in facts]).delete()
    return len(facts)


def _notify(
    account_id: uuid.UUID, kind: Kind, facts: list[NotificationFact], people: dict[int, Email]
) -> None:
    """Write the notification of one group, or add to the one there is."""
    last, words = facts[-1], _words(kind, facts[-1])
    about = {
        "title": line(words.title)[:200],
        "reason": line(words.reason)[:600],
        "path": words.path[:300],
        "last_at": last.created_at,
    }
    notification, new = Notification.objects.get_or_create(
        account_id=account_id,
        kind=kind.key,
        group=last.group,
        window=_window(kind, last.created_at),
        defaults={
            **about,
            "workspace_id": last.workspace_id,
            "first_at": facts[0].created_at,
            "count": len(facts),
        },
    )
    if not new:
        if kind.window is None:
            return
        Notification.objects.filter(pk=notification.pk).update(count=F("count") + len(facts), **about)
    _hand_out(notification, last.created_at, people)


def _words(kind: Kind, fact: NotificationFact) -> Words:
    """As the kind words it. One that cannot be worded keeps no other from people."""
    try:
        with transaction.atomic():
            return kind.words(fact)
    except Exception:
        log.exception("notification_not_worded", kind=kind.key)
        return Words(title=kind.name, reason="", path="/")


def _window(kind: Kind, at: datetime) -> datetime:
    if kind.window is None:
        return _EVER
    return at - (at - _EVER) % kind.window


def _hand_out(notification: Notification, at: datetime, people: dict[int, Email]) -> None:
    """A receipt for each person, unread; who has one already gets no second."""
    emailed = dict(
        NotificationReceipt.objects.filter(notification=notification).values_list("user", "emailed_at")
    )
    now = clock.now()
    NotificationReceipt.objects.bulk_create(
        [
            NotificationReceipt(
                notification=notification,
                account_id=notification.account_id,
                user_id=user,
                at=at,
                email_due_at=_due(mode, None, now),
            )
            for user, mode in people.items()
            if user not in emailed
        ],
        ignore_conflicts=True,
    )
    again = defaultdict[datetime | None, list[int]](list)
    for user in sorted(emailed.keys() & people.keys()):
        again[_due(people[user], emailed[user], now)].append(user)
    for due, users in again.items():
        theirs = NotificationReceipt.objects.filter(notification=notification, user__in=users)
        email = {"email_due_at": Coalesce("email_due_at", Value(due))} if due else {}
        theirs.update(at=at, read_at=None, **email)


def _due(mode: Email, emailed_at: datetime | None, now: datetime) -> datetime | None:
    """The time to email a person about a new fact. emailed_at: the last email about the same group."""
    if mode == Email.OFF:
        return None
    if mode == Email.HOURLY:
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return now if emailed_at is None else max(now, emailed_at + EMAIL_EVERY)


def prune() -> int:
    """Delete notifications after 90 days, or after as many as the agency keeps its data. Return how many rows went."""
    now, gone, usual = clock.now(), 0, retention_periods.NOTIFICATIONS.days
    shorter = Account.objects.filter(retention_days__lt=usual).values_list("retention_days", flat=True)
    for days in (usual, *sorted(set(shorter))):
        old = Notification.objects.filter(last_at__lt=now - timedelta(days=days))
        if days != usual:
            old = old.filter(account__retention_days=days)
        keys = list(old.order_by("last_at").values_list("pk", flat=True)[:_PRUNED])
        gone += Notification.objects.filter(pk__in=keys).delete()[0]
    return gone
