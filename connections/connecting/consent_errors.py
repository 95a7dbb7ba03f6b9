"""What it means when a provider ends a consent with an error: who can put it right, and how.

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
        """Who can put it right, the likeliest first."""
        return _MENDERS.get(self.code, ("agency", "admin"))

    @property
    def meaning(self) -> str:
        """One sentence; {provider} is its name."""
        return _MEANINGS.get(
            self.code, "{provider} refused the consent with an error that is not in the standard."
        )

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
    "invalid_scope": "The app asked for a permission that {provider} does not let it ask for.",
    "unauthorized_client": "{provider} does not let this app ask for a consent in that account.",
    "access_denied": "{provider} says that the person who was asked said no.",
    "invalid_request": "{provider} could not work with what the app sent, such as its redirect URL.",
    "invalid_client": "{provider} does not know the app, or not with this secret.",
    "unsupported_response_type": "The app is not set up for this way of signing in.",
    "unsupported_grant_type": "The app is not set up for this way of signing in.",
    "invalid_grant": "The consent had expired, or was used, before it reached us.",
    "server_error": "{provider} has trouble of its own.",
    "temporarily_unavailable": "{provider} cannot handle consents at the moment.",
    "login_required": "{provider} wants the person to sign in first.",
    "consent_required": "{provider} wants the person to agree first.",
    "interaction_required": "{provider} wants to ask the person something first.",
    "account_selection_required": "{provider} wants the person to choose an account first.",
}
