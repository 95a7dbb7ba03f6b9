"""Users by ID: shift-based schedules name users by ID only (PagerDuty api-schema, ShiftMember and getUser)."""

import json
from collections.abc import Iterable
from typing import Any

from django.core.cache import cache

from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.errors.mapping import as_provider_error
from pagerduty_app.schedules.final_shifts import unreadable
from workflows.catalog import Json

_REMEMBERED_SECONDS = 600
_LARGEST = 20_000
# The requests of one look or call; users beyond it are left with their IDs.
MOST_REQUESTS = 50
_NOT_THERE = 404


def users_by_id(api: Api, ids: Iterable[str]) -> dict[str, Json]:
    """Return the users by ID, without those that PagerDuty does not have or that would take more than 50 requests.

    Each is cached for ten minutes. Raise ProviderError.
    """
    wanted = list(dict.fromkeys(ids))
    keys = {some_id: f"pagerduty-user:{api.cache_key}:{some_id}" for some_id in wanted}
    cached = cache.get_many(keys.values())
    found: dict[str, Json] = {}
    asked = 0
    for some_id, key in keys.items():
        user = cached.get(key)
        if user is None and asked < MOST_REQUESTS:
            asked += 1
            user = _ask(api, some_id)
            cache.set(key, _bounded(user), _REMEMBERED_SECONDS)
        if user:
            found[some_id] = user
    return found


def with_name(user: Json, known: dict[str, Json]) -> Json:
    """Return the reference to a user with summary, html_url and email as far as they are known."""
    whole = known.get(user["id"], {})
    named = {"summary": whole.get("name") or whole.get("summary"), "html_url": whole.get("html_url")}
    email = whole.get("email") or user.get("email")
    said = {name: value for name, value in named.items() if isinstance(value, str) and value}
    return {**user, **said, "email": email if isinstance(email, str) else None}


def _ask(api: Api, user_id: str) -> Json:
    """Return the user; {} if there is none. Raise ProviderError, also if the response is about another user."""
    try:
        user: Any = api.user(user_id).get("user")
    except PagerDutyError as error:
        if error.status == _NOT_THERE:
            return {}
        raise as_provider_error(error) from None
    # An odd answer would put another user, or no one, in the place of the user of the shift.
    if not isinstance(user, dict) or user.get("id") != user_id:
        raise unreadable()
    return user


def _bounded(user: Json) -> Json:
    """Return the user, of a very large one only its texts."""
    if len(json.dumps(user)) <= _LARGEST:
        return user
    return {name: value[:500] for name, value in user.items() if isinstance(value, str)}
