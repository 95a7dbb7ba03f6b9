"""Requests to PagerDuty on behalf of an action: translate errors, check that `from` is a user of the account."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import cache

from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.errors.mapping import as_provider_error
from pagerduty_app.errors.table import REQUESTER_NOT_FOUND
from workflows.catalog import Caller, Json, ProviderError

_KNOWN_SECONDS = 600
_UNKNOWN_SECONDS = 30


@contextmanager
def provider_errors() -> Iterator[None]:
    """Turn the client's error into the catalog's."""
    try:
        yield
    except PagerDutyError as error:
        raise as_provider_error(error) from None


@contextmanager
def writing(data: Json, caller: Caller) -> Iterator[None]:
    """Do the same for a write; drop a `from` that PagerDuty no longer knows from the cache."""
    try:
        yield
    except PagerDutyError as error:
        if error.code == REQUESTER_NOT_FOUND:
            cache.delete(_cache_key(data["from"], caller))
        raise as_provider_error(error) from None


def _cache_key(email: str, caller: Caller) -> str:
    return f"pagerduty-from:{caller.cache_key}:{hashlib.sha256(email.lower().encode()).hexdigest()}"


def requester(api: Api, email: str, caller: Caller) -> Json | None:
    """Return the user of the connected account with that email address; cached for ten minutes.

    Raise ProviderError if PagerDuty cannot be reached.
    """
    key = _cache_key(email, caller)
    known: Json | None = cache.get(key)
    if known is None:
        with provider_errors():
            pages = api.everything("users", {"query": email}, caller.until)
            user = next((user for page in pages for user in page if _is(user, email)), None)
        known = {"id": user.get("id")} if user else {}
        cache.set(key, known, _KNOWN_SECONDS if user else _UNKNOWN_SECONDS)
    return known or None


def _is(user: Json, email: str) -> bool:
    return str(user.get("email", "")).lower() == email.lower()


def check_requester(api: Api, data: Json, caller: Caller) -> None:
    """Raise ProviderError (from_not_a_user) before anything is requested in that name."""
    if requester(api, data["from"], caller) is None:
        raise ProviderError(
            "from_not_a_user",
            f"{data['from']} is not a user of the connected PagerDuty account.",
            fields={"from": ["Not the email address of a user of the connected PagerDuty account."]},
        )
