"""Demo data: an agency with one client, a connection made through the real OAuth flow, and its triggers."""

import hashlib
import hmac
import itertools
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from connections.accounts import api_keys
from connections.connecting import health_check
from connections.models import Account, ApiKey, Connection, Membership, Role, User, Workspace
from connections.tenancy.actor import Actor
from connections.tenancy.permissions import SCOPES
from taskjuice.demo import consent
from workflows.inbox import secrets
from workflows.models import Trigger
from workflows.triggers import lifecycle

EMAIL = "demo@taskjuice.example"
LABEL = "Acme's PagerDuty"
_ACTOR = Actor.system("Demo data")
TRIGGERS = [f"pagerduty/incident-{what}" for what in ("triggered", "acknowledged", "resolved", "note-added")]


def seed() -> dict[str, Any]:
    """Create what is missing and return how to use it; the result is the same each time.

    {"base_url", "email", "password", "api_key", "account", "workspace", "connection",
    "triggers": {key: {"id", "url", "secret"}}}. Raise consent.ConsentFailed if PagerDuty (or the sandbox) cannot be
    reached or refuses.
    """
    user, workspace = _people()
    connection = _connection(user, workspace)
    return {
        "base_url": settings.PUBLIC_BASE_URL,
        "email": EMAIL,
        "password": _derived("password")[:20],
        "api_key": _api_key(workspace),
        "account": str(workspace.account_id),
        "workspace": str(workspace.pk),
        "connection": str(connection.pk),
        "triggers": {key: _trigger(connection, key) for key in TRIGGERS},
    }


def _derived(purpose: str) -> str:
    """Return a secret of this installation, derived so that it is the same each time and stored nowhere."""
    return hmac.new(settings.SECRET_KEY.encode(), f"demo {purpose}".encode(), hashlib.sha256).hexdigest()


@transaction.atomic
def _people() -> tuple[User, Workspace]:
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        user = User.objects.create_user(EMAIL, first_name="Dana", last_name="Demo")
    user.set_password(_derived("password")[:20])
    user.save()
    # The address has no mailbox, so it is stored as confirmed even where addresses must be confirmed.
    EmailAddress.objects.update_or_create(
        user=user, email=EMAIL, defaults={"verified": True, "primary": True}
    )
    membership = Membership.objects.filter(user=user).select_related("account").first()
    if membership is None:
        account = Account.objects.create(name="Demo Agency")
        membership = Membership.objects.create(account=account, user=user, role=Role.OWNER)
    workspace, _ = Workspace.objects.get_or_create(account=membership.account, name="Acme")
    return user, workspace


def _connection(user: User, workspace: Workspace) -> Connection:
    connections = Connection.objects.filter(workspace=workspace, label=LABEL)
    usable = connections.filter(status=Connection.Status.ACTIVE).first()
    if usable is not None:
        # A restarted sandbox does not know the old grant; its refusal moves the connection to `error`.
        health_check.check(actor=_ACTOR, connection=usable)
        usable = connections.filter(status=Connection.Status.ACTIVE).first()
    if usable is None:
        broken = connections.filter(status=Connection.Status.ERROR).first()
        if broken is None:
            form = {"provider": "pagerduty", "label": LABEL, "workspace": workspace.pk}
            landed_on = consent.give(user, reverse("connections:connect"), form)
        else:
            landed_on = consent.give(user, reverse("connections:reconnect", args=[broken.pk]), {})
        usable = connections.filter(status=Connection.Status.ACTIVE).first()
        if usable is None:
            raise consent.ConsentFailed(f"No active connection came of it; see {landed_on}.")
    return usable


def _api_key(workspace: Workspace) -> str:
    """Return the first API key of the demo that is not revoked; create it if necessary."""
    for number in itertools.count(1):
        secret = _derived("api key" if number == 1 else f"api key {number}")
        plain = api_keys.plain(secret)
        known = ApiKey.objects.filter(prefix=api_keys.prefix_of(plain)).first()
        if known is None:
            api_keys.create_key(
                actor=_ACTOR, workspace=workspace, name="Demo", scopes=list(SCOPES), secret=secret
            )
        elif known.workspace_id != workspace.pk or not known.usable():
            continue
        break
    return plain


def _trigger(connection: Connection, key: str) -> dict[str, str]:
    trigger = Trigger.objects.filter(connection=connection, key=key, deleted_at__isnull=True).first()
    if trigger is None:
        trigger = lifecycle.create(actor=_ACTOR, connection=connection, key=key, name="")
    secret = _derived(f"secret of {trigger.pk}")
    secrets.add_secret(actor=_ACTOR, trigger=trigger, secret=secret)
    return {"id": str(trigger.pk), "url": trigger.url, "secret": secret}
