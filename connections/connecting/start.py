"""The way out to a provider's consent page; connections.connecting.callback is the way back."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base import AuthProcess
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from connections.connecting import results
from connections.grants import oauth_apps, registry
from connections.grants.registry import OAuthProvider
from connections.models import ClientLink, Connection, OAuthApp
from core.errors import Problem


@dataclass(frozen=True)
class Purpose:
    """The purpose of a consent, as allauth keeps it in the session with the OAuth state.

    connection: its ID. user: ID of the person who left, None for a client. allow_account_change: another account may be
    connected. link: digest of the client link. oauth_app: ID of the client's own app. optional: keys of the optional
    permissions that are requested too. Consents that are under way during an update carry these names: do not rename
    them.
    """

    connection: str
    user: int | None
    allow_account_change: bool = False
    link: str | None = None
    oauth_app: str | None = None
    optional: tuple[str, ...] = ()

    @classmethod
    def read(cls, state: Any) -> Self | None:
        """Return the purpose in allauth's state; None for a state that `start` did not make."""
        data = state.get("data") if isinstance(state, dict) else None
        if not isinstance(data, dict) or not {"connection", "user"} <= data.keys():
            return None
        if data.get("optional_scopes") is True:  # as 0.2 wrote it, which had those for webhooks only
            data = {**data, "optional": ("webhooks",)}
        return cls(**{field.name: data[field.name] for field in fields(cls) if field.name in data})


def social_app(provider: OAuthProvider, own: OAuthApp | None = None) -> SocialApp:
    """Return the client's own app, or else this server's, in allauth's form; it is never saved.

    Raises Problem (grant_unreadable).
    """
    known = oauth_apps.credentials(provider, own)
    return SocialApp(provider=provider.key, client_id=known.client_id, secret=known.client_secret)


def start(
    request: HttpRequest,
    connection: Connection,
    *,
    allow_account_change: bool = False,
    link: ClientLink | None = None,
    optional: Collection[str] = (),
) -> HttpResponseBase:
    """Redirect to the consent page of the connection's provider.

    link: the client link of a client without an account. optional: keys of the optional permissions to request, too.
    """
    provider = registry.get(connection.provider)
    own = oauth_apps.in_use(connection.workspace, provider.key)
    out = get_adapter().get_provider(request, provider=provider.key)
    try:
        out.app = social_app(provider, own)
    except Problem as problem:
        facts: dict[str, Any] = {"reason": problem.message, "optional": optional}
        return results.page(request, "failed", provider.key, connection, link, **facts)
    purpose = Purpose(
        connection=str(connection.pk),
        user=request.user.pk,
        allow_account_change=allow_account_change,
        link=link.digest if link else None,
        oauth_app=str(own.pk) if own else None,
        optional=tuple(optional),
    )
    scopes = provider.asked_scopes(own_app=own is not None, optional=optional)
    answer: HttpResponseBase = out.redirect(
        request, process=AuthProcess.REDIRECT, data=asdict(purpose), scope=scopes
    )
    return answer
