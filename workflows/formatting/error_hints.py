"""Hints for errors: a table from code to sentence."""

from dataclasses import dataclass
from typing import Any

from connections.grants import registry
from core.errors import Problem
from workflows import catalog

# {provider} is its name. Codes that one provider alone has come with its integration.
_HINTS = {
    "missing_scope": "Grant the permission in {provider}, then reconnect this connection.",
    "reconnection_needed": "Reconnect this connection.",
    "connection_pending": "Connect it first.",
    "connection_revoked": "Revoked connections can’t be restored. Create a new one.",
    "credential_refused": "Reconnect this connection.",
    "access_lost": "The user who authorized the connection has lost access in {provider}. Ask someone else to "
    "reconnect it.",
    "access_denied": "The user who authorized the connection lacks permission in {provider}. Ask someone with "
    "that permission to reconnect it.",
    "provider_account_expired": "The {provider} account has expired. Its owner can restore it there.",
    "not_in_provider_plan": "The {provider} account’s plan does not include this.",
    "not_found_at_provider": "Check the IDs: not found in {provider}, or not visible to the user who "
    "authorized the connection.",
    "invalid_at_provider": "{provider} rejected the input. Edit it and retry.",
    "rate_limited": "{provider} is rate limiting requests; we’ll retry.",
    "request_budget_spent": "No action needed; resumes when {provider} allows more requests.",
    "provider_timeout": "{provider} timed out.",
    "provider_unreachable": "{provider} could not be reached. Check its status page.",
    "provider_error": "{provider} is having issues (server error). Its status page may say why.",
    "access_refused_for_now": "Retries automatically for some minutes: {provider} renews our access, so the "
    "authorization is active.",
    "grant_refresh_delayed": "{provider} is slow to refresh our access token.",
    "grant_unreadable": "Contact your TaskJuice administrator.",
    "attempts_exhausted": "Check {provider} for the result before retrying.",
    "invalid_input": "Fix the highlighted fields and retry.",
    "unknown_action": "This action is no longer available.",
    "chain_too_long": "Add a filter to one of these workflows that excludes what the others write. Running it "
    "again manually starts a new chain.",
    "paused_for_safety": "If this many runs are expected, raise the limit and resume the workflow: the queued "
    "runs continue. If not, archive it: they are cancelled.",
    "forbidden": "Ask an admin of your agency.",
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

    asks: the scopes to ask for then. also: keys of the optional permissions that they belong to.
    """

    words: str
    reconnect: bool
    asks: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


def for_error(error: Any, integration: catalog.Integration) -> Hint:
    """The hint for a stored error or a Problem; where a scope is missing it is named, with what has to be done."""
    given = {"code": error.code, "detail": error.detail} if isinstance(error, Problem) else error
    given = given if isinstance(given, dict) else {}
    code = str(given.get("code", ""))
    missing = _scopes_of(given.get("detail")) if code == "missing_scope" else []
    return _for_scopes(missing, integration) if missing else for_code(code, integration)


def _scopes_of(detail: Any) -> list[str]:
    """The scopes that the provider named, or that were missing before the request."""
    detail = detail if isinstance(detail, dict) else {}
    named = detail.get("missing_scopes") or str(detail.get("scope") or "").split()
    return [scope for scope in named if isinstance(scope, str)] if isinstance(named, list) else []


def _for_scopes(missing: list[str], integration: catalog.Integration) -> Hint:
    provider = registry.get(integration.key)
    known = provider.scopes | provider.optional_scopes
    named = "; ".join(f"{scope} ({known[scope]})" if scope in known else scope for scope in missing)
    if any(scope in known for scope in missing):
        words = (
            f"Missing: {named}. Reconnect to request it. If {provider.name} does not grant it, an admin of that "
            f"{provider.name} account must first allow it for the app."
        )
        asked = tuple(scope for scope in missing if scope in known)
        return Hint(words, True, asked, tuple(provider.optional_in(asked)))
    words = (
        f"Missing: {named}. TaskJuice does not request it, so reconnecting does not help. Your TaskJuice "
        f"administrator must add it, and an admin of that {provider.name} account must allow it for the app."
    )
    return Hint(words, False)


def for_code(code: str, integration: catalog.Integration) -> Hint:
    words = integration.hints.get(code) or _HINTS.get(code, "")
    return Hint(words.replace("{provider}", integration.name), code in _RECONNECT)
