"""Writing down what people may want to be notified of, and taking it back when it is over."""

import uuid
from typing import Any

from django.urls import reverse

from connections.models import Connection, NotificationFact, NotificationReceipt
from connections.notifications.kinds import CONNECTION_BROKEN, CONSENT_ENDS, Kind
from core.db import clock, tenant_scope


def notify(kind: Kind, *, workspace_id: uuid.UUID, group: str, **data: Any) -> None:
    """Notify the people of the workspace's agency. One statement; call it in the transaction of what happened.

    data: what `kind.words` needs; by default title, reason and path.
    """
    NotificationFact.objects.bulk_create([fact(kind, workspace_id=workspace_id, group=group, **data)])


def fact(kind: Kind, *, workspace_id: uuid.UUID, group: str, **data: Any) -> NotificationFact:
    """The row, unsaved: for who writes several, or in one with other statements."""
    return NotificationFact(workspace_id=workspace_id, kind=kind.key, group=group[:120], data=data)


def of_connection(kind: Kind, connection: Connection, *, title: str, reason: str, occasion: str = "") -> None:
    """Notify of something about a connection. occasion: sets this time apart from others of the same kind."""
    notify(
        kind,
        workspace_id=connection.workspace_id,
        group=f"{connection.pk}{occasion and ' '}{occasion}",
        title=title,
        reason=reason,
        path=reverse("connections:detail", args=[connection.pk]),
    )


def withdraw(connection: Connection, *what: Kind) -> None:
    """Mark notifications of a recovered connection as read, and cancel their emails. what: kinds; default: all."""
    of = [kind.key for kind in what or (CONNECTION_BROKEN, CONSENT_ENDS)]
    over = {"kind__in": of, "group__startswith": str(connection.pk)}
    with tenant_scope.unscoped():  # a client who reconnects sees no row of the agency's people
        NotificationFact.objects.filter(workspace=connection.workspace_id, **over).delete()
        about = {f"notification__{name}": value for name, value in over.items()}
        open_ = NotificationReceipt.objects.filter(
            account=connection.workspace.account_id, read_at__isnull=True, **about
        )
        open_.update(read_at=clock.now(), email_due_at=None)
