"""Errors with which a provider ends a consent: their meaning, and who can fix them.

Codes: RFC 6749 (4.1.2.1, 5.2) and OpenID Connect Core (3.1.2.6). The provider's own words are shown beside them.
"""

from dataclasses import dataclass
from typing import Literal

Mender = Literal["agency", "admin", "person", "provider"]


@dataclass(frozen=True)
class ConsentError:
    """A consent that the provider refused. code, description: as the provider says it; plain, bounded text."""

    code: str
    description: str = ""

    @property
    def menders(self) -> tuple[Mender, ...]:
        """The parties that can fix the error, the likeliest first."""
        return _MENDERS.get(self.code, ("agency", "admin"))

    @property
    def meaning(self) -> str:
        """One sentence; {provider} is its name."""
        return _MEANINGS.get(self.code, "{provider} refused the authorization with a non-standard error.")

    @property
    def in_words(self) -> str:
        """As one line: “invalid_scope: The requested scope is invalid.”"""
        return f"{self.code}: {self.description}" if self.description else self.code


_MENDERS: dict[str, tuple[Mender, ...]] = {
    "invalid_scope": ("agency", "admin"),
    "unauthorized_client": ("admin", "agency"),
    "access_denied": ("person", "admin"),
    "invalid_request": ("agency",),
    "invalid_client": ("agency",),
    "unsupported_response_type": ("agency",),
    "unsupported_grant_type": ("agency",),
    "invalid_grant": ("person",),
    "server_error": ("provider",),
    "temporarily_unavailable": ("provider",),
    "login_required": ("person",),
    "consent_required": ("person",),
    "interaction_required": ("person",),
    "account_selection_required": ("person",),
}
_MEANINGS = {
    "invalid_scope": "The app requested a permission that {provider} does not allow.",
    "unauthorized_client": "{provider} does not allow this app to request authorization in that account.",
    "access_denied": "You, or the {provider} user who was asked, declined access.",
    "invalid_request": "{provider} rejected the app’s request, such as its redirect URL.",
    "invalid_client": "{provider} rejected the app’s client ID or secret.",
    "unsupported_response_type": "The app is not configured for this sign-in method.",
    "unsupported_grant_type": "The app is not configured for this sign-in method.",
    "invalid_grant": "The authorization had expired or was already used.",
    "server_error": "{provider} is having issues (server error).",
    "temporarily_unavailable": "{provider} cannot process authorizations right now.",
    "login_required": "{provider} requires you to sign in first.",
    "consent_required": "{provider} requires your approval first.",
    "interaction_required": "{provider} requires your input first.",
    "account_selection_required": "{provider} requires you to choose an account first.",
}
