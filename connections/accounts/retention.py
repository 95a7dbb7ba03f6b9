"""The retention period of an agency, in days; the apps above delete by it."""

from django.db import transaction

from connections import audit
from connections.models import Account
from connections.retention_periods import LEAST_DAYS, MOST_DAYS
from connections.tenancy.actor import Actor
from core.errors import Problem

CHANGED = "account.retention_changed"


def change(*, actor: Actor, account: Account, days: int) -> None:
    """Keep it for `days` from now on. Raises Problem (forbidden, invalid_input)."""
    if not actor.may("data:manage", account.pk):
        raise Problem("forbidden", "Only owners and admins can change data retention.", status=403)
    if not LEAST_DAYS <= days <= MOST_DAYS:
        message = f"Between {LEAST_DAYS} and {MOST_DAYS} days."
        raise Problem("invalid_input", message, fields={"days": [message]})
    with transaction.atomic():
        before = Account.objects.select_for_update().get(pk=account.pk).retention_days
        if before != days:
            Account.objects.filter(pk=account.pk).update(retention_days=days)
            audit.record(actor, CHANGED, account=account, detail={"from": before, "to": days})
    account.retention_days = days
