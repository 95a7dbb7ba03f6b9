"""Clients' own apps at a provider: entered for a workspace, used for its consents, renewals and revocations."""

from django.db import transaction

from connections import audit
from connections.grants.registry import AppCredentials, OAuthProvider
from connections.grants.state import readable
from connections.models import OAuthApp, Workspace
from connections.tenancy.actor import Actor
from core.crypto import seal
from core.db import clock, tenant_scope

_CREATED, _RETIRED = "oauth_app.stored", "oauth_app.retired"


def in_use(workspace: Workspace, provider: str) -> OAuthApp | None:
    """The app that a consent for this workspace goes through; None for the one this server is set up with."""
    return OAuthApp.objects.filter(workspace=workspace, provider=provider, retired_at__isnull=True).first()


def by_id(provider: str, app_id: str | None) -> OAuthApp | None:
    """Return the app that the state of a consent names; the state is kept in the session, so it cannot be forged."""
    with tenant_scope.unscoped():
        return OAuthApp.objects.filter(pk=app_id, provider=provider).first() if app_id else None


def credentials(provider: OAuthProvider, app: OAuthApp | None) -> AppCredentials:
    """Return the credentials of the app; None means this server's own. Raises Problem (grant_unreadable)."""
    return AppCredentials(app.client_id, readable(app, "client_secret")) if app else provider.app()


def store(
    *, actor: Actor, workspace: Workspace, provider: str, client_id: str, client_secret: str
) -> OAuthApp:
    """Let this app be the one in use. A new secret for the same client id serves existing grants as well."""
    with transaction.atomic():
        workspace.take_turns()
        app = in_use(workspace, provider)
        if app is None or app.client_id != client_id:
            OAuthApp.objects.filter(workspace=workspace, provider=provider, retired_at__isnull=True).update(
                retired_at=clock.now()
            )
            known = OAuthApp.objects.filter(
                workspace=workspace, provider=provider, client_id=client_id
            ).first()
            app = known or OAuthApp(workspace=workspace, provider=provider, client_id=client_id)
        app.created_by_id, app.created_at, app.retired_at = actor.user_id, clock.now(), None
        seal(app, "client_secret", client_secret)
        app.save()
        audit.record(
            actor, _CREATED, workspace=workspace, detail={"provider": provider, "client_id": client_id}
        )
    return app


def retire(*, actor: Actor, app: OAuthApp) -> None:
    """Let new consents go through this server's own app again; a second time changes nothing."""
    with transaction.atomic():
        if OAuthApp.objects.filter(pk=app.pk, retired_at__isnull=True).update(retired_at=clock.now()):
            detail = {"provider": app.provider, "client_id": app.client_id}
            audit.record(actor, _RETIRED, workspace=app.workspace, detail=detail)
