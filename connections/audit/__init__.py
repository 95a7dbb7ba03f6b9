"""The one place that writes audit events."""

from typing import Any

from connections.models import Account, AuditEvent, Connection, Workspace
from connections.tenancy.actor import Actor


def record(
    actor: Actor,
    action: str,
    *,
    connection: Connection | None = None,
    workspace: Workspace | None = None,
    account: Account | None = None,
    target: str = "",
    detail: dict[str, Any] | None = None,
) -> AuditEvent:
    """Write down that `actor` did `action` (such as "connection.revoked"); one of the three places is given.

    detail: JSON without secrets. Call it inside the transaction that does the act.
    """
    if workspace is None and connection is not None:
        workspace = connection.workspace
    if account is None and workspace is not None:
        account = workspace.account
    if account is None:
        raise ValueError("An audit event belongs to an account.")
    event = AuditEvent(
        account=account,
        workspace=workspace,
        connection=connection,
        actor_kind=actor.kind,
        user_id=actor.user_id,
        api_key_id=actor.api_key_id,
        actor_label=actor.label,
        action=action,
        target=target,
        detail=detail or {},
        ip=actor.ip,
        request_id=actor.request_id,
    )
    event.save()
    return event
