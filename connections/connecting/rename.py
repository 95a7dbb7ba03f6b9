"""Giving connections and workspaces other names, and connections a usual From address."""

from django.db import IntegrityError, transaction

from connections import audit
from connections.models import Account, Connection, Workspace
from connections.tenancy.actor import Actor
from core.errors import Problem

_CHANGES = {"label": "connection.renamed", "default_from": "connection.default_from_changed"}


def change_connection(*, actor: Actor, connection: Connection, **wanted: str) -> None:
    """Another label, another usual From address. Raises Problem (label_in_use)."""
    before = {name: getattr(connection, name) for name in wanted}
    try:
        with transaction.atomic():
            Connection.objects.filter(pk=connection.pk).update(**wanted)
            for name in (name for name in wanted if wanted[name] != before[name]):
                detail = {"from": before[name], "to": wanted[name]}
                audit.record(actor, _CHANGES[name], connection=connection, detail=detail)
    except IntegrityError:
        raise Problem(
            "label_in_use", "A connection with this label already exists in the workspace."
        ) from None
    for name, value in wanted.items():
        setattr(connection, name, value)


def add_workspace(*, actor: Actor, account: Account, name: str) -> Workspace:
    """A new client engagement. Raises Problem (forbidden, name_in_use)."""
    _may_manage(actor, account)
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(account=account, name=name)
            audit.record(actor, "workspace.created", workspace=workspace, detail={"name": name})
    except IntegrityError:
        raise _name_in_use() from None
    return workspace


def rename_workspace(*, actor: Actor, workspace: Workspace, name: str) -> None:
    """Raises Problem (forbidden, name_in_use)."""
    _may_manage(actor, workspace.account)
    before = workspace.name
    try:
        with transaction.atomic():
            Workspace.objects.filter(pk=workspace.pk).update(name=name)
            audit.record(actor, "workspace.renamed", workspace=workspace, detail={"from": before, "to": name})
    except IntegrityError:
        raise _name_in_use() from None
    workspace.name = name


def rename_account(*, actor: Actor, account: Account, name: str) -> None:
    """Raises Problem (forbidden)."""
    _may_manage(actor, account)
    before = account.name
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(name=name)
        audit.record(actor, "account.renamed", account=account, detail={"from": before, "to": name})
    account.name = name


def _may_manage(actor: Actor, account: Account) -> None:
    if not actor.may("workspaces:manage", account.pk):
        raise Problem("forbidden", "Only owners and admins can manage workspaces.", status=403)


def _name_in_use() -> Problem:
    return Problem("name_in_use", "A workspace with this name already exists.")
