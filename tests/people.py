"""Alice owns an agency, Dora is an admin there, Bob a member; Charlie owns another one."""

from dataclasses import dataclass

from connections.models import Account, Membership, User, Workspace


@dataclass
class People:
    """The four with their workspaces: `acme` is the agency's, `other` is Charlie's."""

    alice: User
    dora: User
    bob: User
    charlie: User
    agency: Account
    acme: Workspace
    other: Workspace


def people() -> People:
    alice, dora, bob, charlie = (
        User.objects.create_user(f"{name}@{name}.example") for name in ("alice", "dora", "bob", "charlie")
    )
    agency, rival = Account.objects.create(name="Agency"), Account.objects.create(name="Rival")
    Membership.objects.create(account=agency, user=alice, role="owner")
    Membership.objects.create(account=agency, user=dora, role="admin")
    Membership.objects.create(account=agency, user=bob, role="member")
    Membership.objects.create(account=rival, user=charlie, role="owner")
    acme = Workspace.objects.create(account=agency, name="Acme")
    other = Workspace.objects.create(account=rival, name="Other")
    return People(alice, dora, bob, charlie, agency, acme, other)
