"""The requester of a write: the user of the connected account whose email address is in `from`."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import cache

from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.errors.mapping import as_provider_error, provider_errors
from pagerduty_app.errors.table import REQUESTER_NOT_FOUND
from workflows.catalog import Caller, Json, ProviderError

_KNOWN_SECONDS = 600
_UNKNOWN_SECONDS = 30


def requester(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return {"id": …} of the user that `from` names, None if there is no such user; cached for ten minutes.

    Raise ProviderError if PagerDuty cannot be reached.
    """
    email, key = data["from"], _cache_key(data["from"], caller)
    known: Json | None = cache.get(key)
    if known is None:
        with provider_errors():
            pages = api.everything("users", {"query": email}, caller.until)
            user = next((user for page in pages for user in page if _is(user, email)), None)
        known = {"id": user.get("id")} if user else {}
        cache.set(key, known, _KNOWN_SECONDS if user else _UNKNOWN_SECONDS)
    return known or None


def requester_id(api: Api, data: Json, caller: Caller) -> str:
    """Return the id of the user that `from` names, "" if it is not known. `check_requester` has cached it."""
    return str((requester(api, data, caller) or {}).get("id") or "")


def check_requester(api: Api, data: Json, caller: Caller) -> None:
    """Raise ProviderError (from_not_a_user) before anything is requested in that name."""
    if requester(api, data, caller) is None:
        raise ProviderError(
            "from_not_a_user",
            f"{data['from']} is not a user of the connected PagerDuty account.",
            fields={"from": ["Not the email address of a user of the connected PagerDuty account."]},
        )


@contextmanager
def writing(data: Json, caller: Caller) -> Iterator[None]:
    """Raise ProviderError in place of PagerDutyError; forget a requester that PagerDuty no longer knows."""
    try:
        yield
    except PagerDutyError as error:
        if error.code == REQUESTER_NOT_FOUND:
            cache.delete(_cache_key(data["from"], caller))
        raise as_provider_error(error) from None


def _cache_key(email: str, caller: Caller) -> str:
    return f"pagerduty-from:{caller.cache_key}:{hashlib.sha256(email.lower().encode()).hexdigest()}"


def _is(user: Json, email: str) -> bool:
    return str(user.get("email", "")).lower() == email.lower()
