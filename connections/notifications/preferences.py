"""Email preferences of members, with the defaults of their roles."""

import uuid
from collections.abc import Iterable

from django.db import transaction

from connections.models import Membership, NotificationPreference, NotificationReceipt, Role, User
from connections.notifications import kinds
from connections.notifications.kinds import Email, Kind


def usual(kind: Kind, role: str) -> Email:
    """The default of a role."""
    return kind.member if role == Role.MEMBER else kind.in_charge


def of_account(account_id: uuid.UUID) -> dict[str, dict[int, Email]]:
    """Kind → person → how they are emailed about it; everyone who belongs to the agency."""
    members = Membership.objects.filter(account=account_id, user__is_active=True)
    roles = dict(members.values_list("user", "role"))
    chosen = _chosen(NotificationPreference.objects.filter(account=account_id))
    return {
        kind.key: {user: chosen.get((user, kind.key), usual(kind, role)) for user, role in roles.items()}
        for kind in kinds.known()
    }


def of_person(account_id: uuid.UUID, user: User, role: str) -> dict[str, Email]:
    """Kind → how that person is emailed about it."""
    chosen = _chosen(NotificationPreference.objects.filter(account=account_id, user=user))
    return {kind.key: chosen.get((user.pk, kind.key), usual(kind, role)) for kind in kinds.known()}


def _chosen(rows: Iterable[NotificationPreference]) -> dict[tuple[int, str], Email]:
    return {(row.user_id, row.kind): Email(row.email) for row in rows}


def choose(account_id: uuid.UUID, user: User, choices: dict[str, Email]) -> None:
    """Keep what the person has chosen. What is waiting to be emailed of a kind that is off now is not."""
    with transaction.atomic():
        NotificationPreference.objects.bulk_create(
            [
                NotificationPreference(account_id=account_id, user=user, kind=kind, email=email)
                for kind, email in choices.items()
            ],
            update_conflicts=True,
            unique_fields=["account", "user", "kind"],
            update_fields=["email"],
        )
        off = [kind for kind, email in choices.items() if email == Email.OFF]
        mine = NotificationReceipt.objects.filter(account=account_id, user=user, email_due_at__isnull=False)
        mine.filter(notification__kind__in=off).update(email_due_at=None)
