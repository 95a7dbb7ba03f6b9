"""The registry of OAuth providers; each provider's app registers itself."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from core.metrics import PROVIDER_REFUSALS


@dataclass(frozen=True)
class Tokens:
    """The response of a token endpoint. expires_at: aware UTC. scopes: as granted, not as asked."""

    access_token: str
    refresh_token: str
    scopes: list[str]
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Tokens(scopes={self.scopes}, expires_at={self.expires_at})"


@dataclass(frozen=True)
class AppCredentials:
    """The credentials of an app at a provider: this server's, or a client's own."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class Identity:
    """The user who consented, as the provider reports it. region: the provider's name for where the account lives."""

    account_id: str
    account_name: str
    user_id: str
    region: str
    delegation_id: str = ""


@dataclass(frozen=True)
class AuthorizationCode:
    """The code that a consent came back with. verifier: of PKCE. redirect_url: as the consent was requested with."""

    code: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_url: str


@dataclass(frozen=True)
class Lifetimes:
    """Lifetimes of a grant: of its unused refresh token, and at most until a new authorization."""

    unused: timedelta
    consent: timedelta


class ExchangeFailed(Exception):
    """No tokens came of an authorization code, or they do not prove who consented. The message holds no secret.

    code, description: the token endpoint's own (RFC 6749, 5.2) as plain text; "" where it gave none.
    """

    def __init__(self, message: str, code: str = "", description: str = "") -> None:
        super().__init__(message)
        self.code, self.description = code, description


class RefreshRefused(Exception):
    """The provider says the grant is over (`invalid_grant`): only a person can renew it."""


class RefreshFailed(Exception):
    """The refresh did not come through this time; nothing has changed. retry_after: seconds or None."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AppRefused(RefreshFailed):
    """The provider does not know the app, or not with this secret; the grant itself may be good."""


class TokenRefused(Exception):
    """The provider does not take this access token."""


class Asks(Protocol):
    """The requested scopes of a consent, in order: scope → what it allows, in plain words.

    own_app: through a client's own app. optional: keys of the optional permissions that are asked for, too.
    """

    def __call__(self, *, own_app: bool, optional: Collection[str]) -> dict[str, str]: ...


@dataclass(frozen=True)
class OptionalPermission:
    """Scopes that are asked for together, and only where people want it.

    key: a word of the provider's, kept with client links. label: of the box that people tick. unlocks: what works only
    with it, in a sentence or two. scopes: scope → what it allows.
    """

    key: str
    label: str
    unlocks: str
    scopes: dict[str, str]

    @property
    def box(self) -> str:
        """The name of its box in forms."""
        return f"optional_{self.key}"


@dataclass(frozen=True)
class OAuthProvider:
    """One provider's OAuth facts.

    scopes: scope → what it allows, in plain words, all asked for on connect. optional: what is asked for only where
    people want it.
    app() → this server's own app there. authorize_url() → the address of the consent page, without parameters.
    exchange(code, app) → who consented, as the provider vouches for it, and the tokens; raises ExchangeFailed.
    refresh(refresh_token, app) → Tokens; raises RefreshRefused, RefreshFailed or AppRefused.
    revoke(refresh_token, app) → True when the provider confirmed, False where it offers no such call.
    missing_scopes(granted) → the asked scopes that the granted ones do not cover.
    lifetimes(granted) → how long a grant of those scopes lasts.
    probe(region, access_token) → one sentence on what was found; raises TokenRefused, or Problem when the
    provider cannot be asked.
    removal_hint: where a person removes the app at the provider. account_called, account_example: what people tell
    its accounts apart by, in a word, and a sentence that shows one.
    own_app_hint: how a client makes an app of its own there; "" where workspaces cannot use one.
    account_of(typed) → the account's name in that form, out of what people type or paste; raises ValueError.
    install_url() → where an admin of a client's account installs this server's app before consent works; "" where that
    is not known, or not needed.
    holds_grant(region, access_token, user_id, delegation_id) → whether it still holds that grant; raises TokenRefused,
    or Problem when it cannot be asked. None where it offers no such call. holds_grant_scope: the scope it needs.
    grant_page(account_name, user_id) → the page there on which that user sees and removes the grant; "" if unknown.
    asks: see Asks.
    requests_per_minute: what it allows each of its users and app until it says otherwise.
    """

    key: str
    name: str
    scopes: dict[str, str]
    app: Callable[[], AppCredentials]
    authorize_url: Callable[[], str]
    exchange: Callable[[AuthorizationCode, AppCredentials], tuple[Identity, Tokens]]
    refresh: Callable[[str, AppCredentials], Tokens]
    revoke: Callable[[str, AppCredentials], bool]
    missing_scopes: Callable[[list[str]], list[str]]
    lifetimes: Callable[[list[str]], Lifetimes]
    probe: Callable[[str, str], str]
    removal_hint: str
    account_called: str
    account_example: str
    account_of: Callable[[str], str]
    requests_per_minute: int
    asks: Asks
    own_app_hint: str = ""
    install_url: Callable[[], str] = lambda: ""
    holds_grant: Callable[[str, str, str, str], bool] | None = None
    holds_grant_scope: str = ""
    grant_page: Callable[[str, str], str] = lambda account_name, user_id: ""
    optional: tuple[OptionalPermission, ...] = ()

    def redirect_url(self) -> str:
        """Return where consents come back to; it has to be entered in an app at the provider."""
        return settings.PUBLIC_BASE_URL + reverse(f"{self.key}_callback")

    def consent_origin(self) -> str:
        """Return the scheme and host of the consent page."""
        url = urlsplit(self.authorize_url())
        return f"{url.scheme}://{url.netloc}"

    def asked_scopes(self, *, own_app: bool, optional: Collection[str]) -> list[str]:
        """Return the scopes that a consent asks for, in order. optional: keys of optional permissions."""
        return list(self.asks(own_app=own_app, optional=optional))

    @property
    def optional_scopes(self) -> dict[str, str]:
        """The scopes of all optional permissions: scope → what it allows."""
        return {scope: words for permission in self.optional for scope, words in permission.scopes.items()}

    def optional_in(self, scopes: Collection[str]) -> list[str]:
        """Return the keys of the optional permissions of which `scopes` have any."""
        return [permission.key for permission in self.optional if permission.scopes.keys() & set(scopes)]


_providers: dict[str, OAuthProvider] = {}


def register(provider: OAuthProvider) -> None:
    _providers[provider.key] = provider
    PROVIDER_REFUSALS.labels(provider.key)  # there as 0, so that a first one is a rise


def get(key: str) -> OAuthProvider:
    """Return the provider. Raises KeyError for one that no app has registered."""
    return _providers[key]


def find(key: str) -> OAuthProvider | None:
    """Return the provider, None for one that no app has registered."""
    return _providers.get(key)


def known() -> list[OAuthProvider]:
    """Return every registered provider, in order of registration."""
    return list(_providers.values())


def with_own_apps() -> list[OAuthProvider]:
    """Return the providers at which a workspace can use an app of its own."""
    return [provider for provider in known() if provider.own_app_hint]


def optional_permission_of(scope: str) -> OptionalPermission | None:
    """Return the optional permission that a scope belongs to, of any provider."""
    permissions = (permission for provider in known() for permission in provider.optional)
    return next((permission for permission in permissions if scope in permission.scopes), None)


def only() -> OAuthProvider | None:
    """Return the provider if there is one alone; None where a person has to choose."""
    return known()[0] if len(_providers) == 1 else None
