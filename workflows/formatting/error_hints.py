"""What a person can do about an error: a table from its code to a sentence."""

from dataclasses import dataclass
from typing import Any

from connections.grants import registry
from core.errors import Problem
from workflows import catalog

# {provider} is its name. Codes that one provider alone has come with its integration.
_HINTS = {
    "missing_scope": "Have the permission allowed in {provider}, then reconnect this connection.",
    "reconnection_needed": "Reconnect this connection.",
    "connection_pending": "Connect it first.",
    "connection_revoked": "Revoked connections can’t be restored. Create a new one.",
    "credential_refused": "Reconnect this connection.",
    "access_lost": "Whoever authorised the connection has lost access in {provider}. Have somebody else reconnect it.",
    "access_denied": "Whoever authorised the connection may not do this in {provider}. Have somebody reconnect it "
    "who may.",
    "provider_account_expired": "The {provider} account has ended. Its owner can bring it back there.",
    "not_in_provider_plan": "The {provider} account’s plan does not include this.",
    "not_found_at_provider": "Check the IDs: {provider} has nothing there, or does not show it to whoever authorised "
    "the connection.",
    "invalid_at_provider": "{provider} does not accept what was entered. Change it and try again.",
    "rate_limited": "{provider} asks for fewer requests for a while.",
    "request_budget_spent": "Nothing: it goes on by itself when {provider} allows more requests.",
    "provider_timeout": "{provider} was too slow to answer.",
    "provider_unreachable": "{provider} could not be reached. Its status page may say why.",
    "provider_error": "{provider} is having issues (server error). Its status page may say why.",
    "access_refused_for_now": "It is tried again by itself for some minutes: {provider} renews our access, so the "
    "authorisation is alive.",
    "grant_refresh_delayed": "{provider} is slow to renew our access.",
    "grant_unreadable": "Ask whoever runs TaskJuice.",
    "attempts_exhausted": "Look in {provider} whether it was done; if not, try again.",
    "invalid_input": "Change what is named and try again.",
    "unknown_action": "This action is not offered any more.",
    "chain_too_long": "Give one of these workflows a condition that what another one wrote does not meet. Running it "
    "again by hand begins a new chain.",
    "paused_for_safety": "See whether it should begin so many runs: if so, raise its limit and resume the workflow, "
    "which lets the held runs go on; if not, archive it, which cancels them.",
    "forbidden": "Ask somebody in your agency who may.",
}
_RECONNECT = frozenset(
    {
        "missing_scope",
        "reconnection_needed",
        "connection_pending",
        "credential_refused",
        "access_lost",
        "access_denied",
    }
)


@dataclass(frozen=True)
class Hint:
    """words: what to do, "" where that is not known. reconnect: whether reconnecting is the way.

    asks: the scopes to ask for then. optional: whether some of them are asked for only where people want it.
    """

    words: str
    reconnect: bool
    asks: tuple[str, ...] = ()
    optional: bool = False


def for_error(error: Any, integration: catalog.Integration) -> Hint:
    """The hint for a stored error or a Problem; where a scope is missing it is named, with what has to be done."""
    given = {"code": error.code, "detail": error.detail} if isinstance(error, Problem) else error
    given = given if isinstance(given, dict) else {}
    code = str(given.get("code", ""))
    missing = _scopes_of(given.get("detail")) if code == "missing_scope" else []
    return _for_scopes(missing, integration) if missing else for_code(code, integration)


def _scopes_of(detail: Any) -> list[str]:
    """Those that the provider named, or that were seen to be missing before it was asked."""
    detail = detail if isinstance(detail, dict) else {}
    named = detail.get("missing_scopes") or str(detail.get("scope") or "").split()
    return [scope for scope in named if isinstance(scope, str)] if isinstance(named, list) else []


def _for_scopes(missing: list[str], integration: catalog.Integration) -> Hint:
    provider = registry.get(integration.key)
    known = provider.all_scopes(optional=True)
    named = "; ".join(f"{scope} ({known[scope]})" if scope in known else scope for scope in missing)
    if any(scope in known for scope in missing):
        words = (
            f"Missing: {named}. Reconnect and ask for it. Where {provider.name} does not grant it, an admin of that"
            f" {provider.name} account has to allow it for the app first."
        )
        asked = tuple(scope for scope in missing if scope in known)
        return Hint(words, True, asked, any(scope in provider.optional_scopes for scope in asked))
    words = (
        f"Missing: {named}. TaskJuice does not ask for it, so reconnecting does not help. The operator of this server"
        f" would have to add it, and an admin of that {provider.name} account to allow it for the app."
    )
    return Hint(words, False)


def for_code(code: str, integration: catalog.Integration) -> Hint:
    words = integration.hints.get(code) or _HINTS.get(code, "")
    return Hint(words.replace("{provider}", integration.name), code in _RECONNECT)
