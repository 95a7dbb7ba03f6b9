"""Signing up makes an agency with its first workspace, owned by whoever signed up."""

from typing import Any

from allauth.account.signals import user_signed_up
from django.db import transaction
from django.dispatch import receiver

from connections import audit
from connections.actors import Actor
from connections.models import Account, Membership, Role, User, Workspace


@receiver(user_signed_up, dispatch_uid="connections_new_agency")
def found_agency(user: User, **kwargs: Any) -> None:
    """The agency is named after the address until somebody renames it."""
    name = user.email.partition("@")[2].partition(".")[0].title() or "My agency"
    with transaction.atomic():
        account = Account.objects.create(name=name)
        Membership.objects.create(account=account, user=user, role=Role.OWNER)
        workspace = Workspace.objects.create(account=account, name="First client")
        actor = Actor(kind="user", label=user.email, user_id=user.pk)
        audit.record(actor, "account.created", workspace=workspace)
