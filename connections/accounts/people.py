"""Members of an agency: inviting, joining, changing roles, leaving, handing over."""

from typing import Any

from allauth.account.utils import has_verified_email
from django.conf import settings
from django.db import IntegrityError, transaction

from connections import audit
from connections.mail import throttle
from connections.models import (
    Account,
    Invitation,
    Membership,
    NotificationPreference,
    NotificationReceipt,
    Role,
    User,
)
from connections.tenancy.actor import Actor
from core.db import clock, tenant_scope
from core.errors import Problem

MAX_OPEN_INVITATIONS = 200


def invite(*, actor: Actor, account: Account, email: str, role: str) -> Invitation:
    """A new invitation, on its way by email.

    Raises Problem (forbidden, already_member, already_invited, too_many_invitations, mailed_too_often).
    """
    _may_manage(actor, account)
    email = email.strip().lower()
    if Membership.objects.filter(account=account, user__email=email).exists():
        raise Problem("already_member", f"{email} is already a member of the agency.")
    open_ = Invitation.objects.filter(account=account).open()
    if open_.count() >= MAX_OPEN_INVITATIONS:
        raise Problem("too_many_invitations", "Too many pending invitations. Cancel some first.")
    invitation = Invitation(account=account, email=email, role=role, created_by_id=actor.user_id)
    invitation.renew()
    try:
        with transaction.atomic():
            invitation.save(force_insert=True)
            audit.record(
                actor, "person.invited", account=account, target=email, detail={"who": email, "role": role}
            )
            throttle.announce(account=invitation.account, invitation=invitation)
    except IntegrityError:
        raise Problem(
            "already_invited", f"{email} already has a pending invitation. Resend it instead."
        ) from None
    return invitation


def invite_again(*, actor: Actor, invitation: Invitation) -> None:
    """A new link for seven more days; the one sent before stops working.

    Raises Problem (forbidden, over, mailed_too_often).
    """
    _may_manage(actor, invitation.account)
    with transaction.atomic():
        invitation.renew()
        renewed = Invitation.objects.filter(pk=invitation.pk).open()
        if not renewed.update(
            secret=invitation.secret, digest=invitation.digest, expires_at=invitation.expires_at
        ):
            raise Problem("over", "This invitation was used or cancelled.", status=409)
        audit.record(
            actor,
            "person.invited_again",
            account=invitation.account,
            target=invitation.email,
            detail={"who": invitation.email},
        )
        throttle.announce(account=invitation.account, invitation=invitation)


def cancel(*, actor: Actor, invitation: Invitation) -> None:
    """Raises Problem (forbidden)."""
    _may_manage(actor, invitation.account)
    with transaction.atomic():
        if invitation.over(cancelled_at=clock.now()):
            audit.record(
                actor,
                "invitation.cancelled",
                account=invitation.account,
                target=invitation.email,
                detail={"who": invitation.email},
            )


def join(*, actor: Actor, user: User, invitation: Invitation) -> Membership:
    """Make `user` one of the agency's people. Raises Problem (over, wrong_address, unconfirmed_address)."""
    if user.email.lower() != invitation.email.lower():
        raise Problem(
            "wrong_address",
            f"The invitation is for {invitation.email}, and you are signed in as {user.email}.",
            status=403,
        )
    if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not has_verified_email(user, user.email):
        raise Problem("unconfirmed_address", "Verify your email address first.", status=403)
    with tenant_scope.unscoped(), transaction.atomic():
        # Ending it takes the row's lock: of two clicks one joins.
        usable = Invitation.objects.filter(pk=invitation.pk).usable()
        if not usable.update(used_at=clock.now(), used_by=user, secret=None):
            raise Problem("over", "This invitation was used, cancelled, or has expired.", status=410)
        membership, joined = Membership.objects.get_or_create(
            account=invitation.account, user=user, defaults={"role": invitation.role}
        )
        if joined:
            audit.record(
                actor,
                "person.joined",
                account=invitation.account,
                target=user.email,
                detail={"role": membership.role},
            )
    tenant_scope.add_account(invitation.account_id)
    return membership


def require_second_factor(*, actor: Actor, account: Account, required: bool) -> None:
    """Require two-factor authentication; members without it must set it up. Raise Problem (forbidden)."""
    _may_manage(actor, account)
    with transaction.atomic():
        others = Account.objects.filter(pk=account.pk, second_factor_required=not required)
        if others.update(second_factor_required=required):
            audit.record(
                actor, "account.second_factor_changed", account=account, detail={"required": required}
            )


def change_role(*, actor: Actor, membership: Membership, role: str) -> None:
    """Change a member's role between admin and member. Raises Problem (forbidden, owner_stays)."""
    _may_manage(actor, membership.account)
    with transaction.atomic():
        others = Membership.objects.filter(pk=membership.pk).exclude(role=Role.OWNER)
        if not others.update(role=role):
            raise _owner_stays()
        _record(actor, "person.role_changed", membership, {"from": membership.role, "to": role})
    membership.role = role


def remove(*, actor: Actor, membership: Membership) -> None:
    """End a membership, from the member's next request on. Every member but the owner may also leave.

    Raises Problem (forbidden, owner_stays).
    """
    if membership.user_id != actor.user_id:
        _may_manage(actor, membership.account)
    with transaction.atomic():
        others = Membership.objects.filter(pk=membership.pk).exclude(role=Role.OWNER)
        deleted, _ = others.delete()
        if not deleted:
            raise _owner_stays()
        NotificationReceipt.objects.filter(account=membership.account, user=membership.user).delete()
        NotificationPreference.objects.filter(account=membership.account, user=membership.user).delete()
        _record(actor, "person.removed", membership, {"role": membership.role})


def hand_over(*, actor: Actor, membership: Membership) -> None:
    """Make another member the owner; the present owner becomes an admin. Raise Problem (forbidden)."""
    account = membership.account
    if actor.roles.get(account.pk) != Role.OWNER:
        raise Problem("forbidden", "Only the owner can transfer ownership.", status=403)
    with transaction.atomic():
        mine = Membership.objects.filter(account=account, user=actor.user_id, role=Role.OWNER)
        if not mine.update(role=Role.ADMIN):
            raise Problem("forbidden", "Only the owner can transfer ownership.", status=403)
        if not Membership.objects.filter(pk=membership.pk).update(role=Role.OWNER):
            raise Problem("not_found", "They are no longer a member of the agency.", status=404)
        _record(actor, "account.handed_over", membership, {})


def _may_manage(actor: Actor, account: Account) -> None:
    if not actor.may("people:manage", account.pk):
        raise Problem("forbidden", "Only owners and admins can manage members.", status=403)


def _owner_stays() -> Problem:
    return Problem("owner_stays", "Transfer ownership first.", status=409)


def _record(actor: Actor, action: str, membership: Membership, detail: dict[str, Any]) -> None:
    email = membership.user.email
    audit.record(actor, action, account=membership.account, target=email, detail={"who": email, **detail})
