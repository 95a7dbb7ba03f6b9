"""Giving connections and workspaces other names."""

from django.db import IntegrityError, transaction

from connections import audit
from connections.actors import Actor
from connections.models import Account, Connection, Workspace
from connections.problems import Problem


def rename(*, actor: Actor, connection: Connection, label: str) -> None:
    """Raises Problem (label_in_use)."""
    before = connection.label
    try:
        with transaction.atomic():
            Connection.objects.filter(pk=connection.pk).update(label=label)
            audit.record(
                actor,
                "connection.renamed",
                connection=connection,
                detail={"from": before, "to": label},
            )
    except IntegrityError:
        raise Problem(
            "label_in_use", "There is a connection with this label in the workspace already."
        ) from None
    connection.label = label


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
        raise Problem("forbidden", "Only the owner and admins manage workspaces.", status=403)


def _name_in_use() -> Problem:
    return Problem("name_in_use", "There is a workspace of this name already.")
