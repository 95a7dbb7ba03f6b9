"""What this room needs to know of a provider's OAuth; each provider room registers itself here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from connections.models import ClientLink, Connection
from core.metrics import PROVIDER_REFUSALS


@dataclass(frozen=True)
class Tokens:
    """What a token endpoint answered. expires_at: aware UTC. scopes: as granted, not as asked."""

    access_token: str
    refresh_token: str
    scopes: list[str]
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Tokens(scopes={self.scopes}, expires_at={self.expires_at})"


@dataclass(frozen=True)
class AppCredentials:
    """What a provider knows an app by: a client's own, where there is one."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class Identity:
    """Who consented, as the provider vouches for it. region: the provider's name for where the account lives."""

    account_id: str
    account_name: str
    user_id: str
    region: str
    delegation_id: str = ""


@dataclass(frozen=True)
class Lifetimes:
    """Lifetimes of a grant: of its unused refresh token, and at most until a new authorization."""

    unused: timedelta
    consent: timedelta


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


class Start(Protocol):
    """The way to the provider's consent page. link: the client link of a client without an account.

    optional_scopes: ask for those as well.
    """

    def __call__(
        self,
        request: HttpRequest,
        connection: Connection,
        *,
        allow_account_change: bool = False,
        link: ClientLink | None = None,
        optional_scopes: bool = False,
    ) -> HttpResponseBase: ...


class Asks(Protocol):
    """Exactly what a consent asks for, in order: scope → what it allows, in plain words.

    own_app: through a client's own app. optional: with the scopes that are asked for only where people want it.
    """

    def __call__(self, *, own_app: bool, optional: bool) -> dict[str, str]: ...


@dataclass(frozen=True)
class OAuthProvider:
    """One provider's OAuth facts.

    scopes: scope → what it allows, in plain words, all asked for on connect. optional_scopes: the same for those that
    are asked for only where people want it; optional_label, optional_help: the box that they tick then, and what it
    is good for.
    refresh(refresh_token, app) → Tokens; raises RefreshRefused, RefreshFailed or AppRefused. app: None for ours.
    revoke(refresh_token, app) → True when the provider confirmed, False where it offers no such call.
    missing_scopes(granted) → the asked scopes that the granted ones do not cover.
    lifetimes(granted) → how long a grant of those scopes lasts.
    probe(region, access_token) → one sentence on what was found; raises TokenRefused, or Problem when the
    provider cannot be asked. start: see Start.
    removal_hint: where a person removes the app at the provider. account_called, account_example: what people tell
    its accounts apart by, in a word, and a sentence that shows one. redirect_url() → where consents come back to, which
    has to be entered in an app at the provider. own_app_hint: how a client makes an app of its own there.
    account_of(typed) → the account's name in that form, out of what people type or paste; raises ValueError.
    install_url() → where an admin of a client's account installs this server's app before consent works; "" where that
    is not known, or not needed.
    asks: see Asks.
    requests_per_minute: what it allows each of its users and app until it says otherwise.
    """

    key: str
    name: str
    scopes: dict[str, str]
    refresh: Callable[[str, AppCredentials | None], Tokens]
    revoke: Callable[[str, AppCredentials | None], bool]
    missing_scopes: Callable[[list[str]], list[str]]
    lifetimes: Callable[[list[str]], Lifetimes]
    probe: Callable[[str, str], str]
    start: Start
    removal_hint: str
    account_called: str
    account_example: str
    account_of: Callable[[str], str]
    redirect_url: Callable[[], str]
    own_app_hint: str
    requests_per_minute: int
    asks: Asks
    install_url: Callable[[], str] = lambda: ""
    optional_scopes: dict[str, str] = field(default_factory=dict)
    optional_label: str = ""
    optional_help: str = ""

    def all_scopes(self, *, optional: bool) -> dict[str, str]:
        """What a consent asks for, with the optional ones or without."""
        return {**self.scopes, **self.optional_scopes} if optional else self.scopes

    def asked_optional(self, scopes: list[str]) -> bool:
        """Whether a consent that asked for `scopes` asked for the optional ones as well."""
        return bool(self.optional_scopes.keys() & set(scopes))


_providers: dict[str, OAuthProvider] = {}


def register(provider: OAuthProvider) -> None:
    _providers[provider.key] = provider
    PROVIDER_REFUSALS.labels(provider.key)  # there as 0, so that a first one is a rise


def get(key: str) -> OAuthProvider:
    """Raises KeyError for a provider that no room has registered."""
    return _providers[key]


def default() -> OAuthProvider:
    """The one that pages speak of before anybody has chosen. With a second provider, who calls this has to ask."""
    return known()[0]


def known() -> list[OAuthProvider]:
    return list(_providers.values())
