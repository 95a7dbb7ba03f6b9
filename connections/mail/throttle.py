"""Rate limits for emails to people without an account, so that no mailbox can be flooded through us."""

from datetime import timedelta

from django.db.models import Q

from connections.mail import outbox
from connections.models import Account, ClientLink, Invitation, Notice
from core.db import clock, tenant_scope
from core.errors import Problem

_DAY = timedelta(days=1)
EACH_A_DAY = 5
ADDRESS_A_DAY = 15
ACCOUNT_A_DAY = 200


def announce(
    *, account: Account, invitation: Invitation | None = None, client_link: ClientLink | None = None
) -> None:
    """Mail this link, once. Call it in the transaction that makes or renews it. Raises Problem (mailed_too_often)."""
    link: Invitation | ClientLink | None = invitation or client_link
    if link is None:
        raise ValueError("Nothing to announce.")
    today = Notice.objects.filter(created_at__gt=clock.now() - _DAY)
    of_account = Q(invitation__account=account) | Q(client_link__connection__workspace__account=account)
    of_address = Q(invitation__email=link.email) | Q(client_link__email=link.email)
    with tenant_scope.unscoped():  # what other agencies sent to the address counts as well
        both, to_address = today.filter(of_account, of_address).count(), today.filter(of_address).count()
    if both >= EACH_A_DAY:
        raise _too_often(f"{link.email} has received {EACH_A_DAY} emails since yesterday.")
    if to_address >= ADDRESS_A_DAY:  # agencies are quickly made
        raise _too_often(f"{link.email} has received too many emails from TaskJuice since yesterday.")
    if today.filter(of_account).count() >= ACCOUNT_A_DAY:
        raise _too_often(f"Your agency has sent {ACCOUNT_A_DAY} emails since yesterday.")
    kind = "invitation" if invitation else "client_link"
    Notice.objects.create(invitation=invitation, client_link=client_link, kind=kind, occasion=link.digest)
    outbox.wake_sender()


def _too_often(message: str) -> Problem:
    return Problem("mailed_too_often", f"{message} Share the link yourself, or wait.", status=429)
