"""Signing up makes an agency with its first workspace, or joins the one whose invitation was opened before."""

from typing import Any

from allauth.account.signals import user_signed_up
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from connections import audit, people
from connections.actors import Actor
from connections.models import Account, Invitation, Membership, Role, User, Workspace

INVITATION = "invitation"


def invitation_in(request: HttpRequest) -> Invitation | None:
    """The usable invitation that this browser opened; only its digest is kept in the session."""
    digest = str(request.session.get(INVITATION) or "")
    usable = Invitation.objects.usable().select_related("account", "created_by")
    return usable.filter(digest=digest).first() if digest else None


@receiver(user_signed_up, dispatch_uid="connections_new_agency")
def settle_in(user: User, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """An agency without a name is called after the address until somebody renames it."""
    ip = request.META.get("REMOTE_ADDR") if request is not None else None
    actor = Actor(kind="user", label=user.email, user_id=user.pk, ip=ip or None)
    invitation = invitation_in(request) if request is not None else None
    if invitation is not None and invitation.email.lower() == user.email.lower():
        people.join(actor=actor, user=user, invitation=invitation)
        return
    name = (
        getattr(request, "agency_name", "")
        or user.email.partition("@")[2].partition(".")[0].title()
        or "My agency"
    )
    with transaction.atomic():
        account = Account.objects.create(name=name)
        Membership.objects.create(account=account, user=user, role=Role.OWNER)
        workspace = Workspace.objects.create(account=account, name="First client")
        audit.record(actor, "account.created", workspace=workspace)
