"""Signing up makes an agency with its first workspace, or joins the one whose invitation was opened before."""

from contextlib import suppress
from typing import Any

from allauth.account.signals import user_signed_up
from allauth.account.utils import has_verified_email
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from connections import audit
from connections.accounts import people
from connections.models import Account, Invitation, Membership, Role, User, Workspace
from connections.tenancy.actor import Actor
from core.db import tenant_scope
from core.errors import Problem

INVITATION = "invitation"


def invitation_in(request: HttpRequest) -> Invitation | None:
    """The usable invitation that this browser opened; only its digest is kept in the session."""
    digest = str(request.session.get(INVITATION) or "")
    usable = Invitation.objects.usable().select_related("account", "created_by")
    with tenant_scope.unscoped():
        return usable.filter(digest=digest).first() if digest else None


def waiting(request: HttpRequest) -> Invitation | None:
    """The newest invitation for an address that is confirmed to be this person's; /join/ then shows it."""
    user = request.user
    if not isinstance(user, User) or not has_verified_email(user, user.email):
        return None
    usable = Invitation.objects.usable().filter(email=user.email.lower()).select_related("account")
    with tenant_scope.unscoped():
        invitation = usable.first()
    if invitation is not None:
        request.session[INVITATION] = invitation.digest
    return invitation


@receiver(user_signed_up, dispatch_uid="connections_new_agency")
def settle_in(user: User, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Set up a new user; an agency without a name is named after the address until it is renamed."""
    ip = request.META.get("REMOTE_ADDR") if request is not None else None
    actor = Actor(kind="user", label=user.email, user_id=user.pk, ip=ip or None)
    invitation = invitation_in(request) if request is not None else None
    if invitation is not None and invitation.email.lower() == user.email.lower():
        # A user who must still confirm the address finds the invitation after signing in.
        with suppress(Problem):
            people.join(actor=actor, user=user, invitation=invitation)
        return
    name = (
        getattr(request, "agency_name", "")
        or user.email.partition("@")[2].partition(".")[0].title()
        or "My agency"
    )
    found(actor=actor, user=user, name=name)


def found(*, actor: Actor, user: User, name: str) -> None:
    """A new agency with its first workspace, and `user` as its owner."""
    with tenant_scope.unscoped(), transaction.atomic():
        account = Account.objects.create(name=name)
        Membership.objects.create(account=account, user=user, role=Role.OWNER)
        workspace = Workspace.objects.create(account=account, name=name)
        audit.record(actor, "account.created", workspace=workspace)
    tenant_scope.add_account(account.pk)
