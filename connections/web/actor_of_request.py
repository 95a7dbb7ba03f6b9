"""The actor of a request: the signed-in user with their roles, or the API key."""

from typing import Any

from django.http import HttpRequest
from structlog.contextvars import get_contextvars

from connections.models import ApiKey, User
from connections.tenancy.actor import Actor
from connections.web.current_scope import memberships_of


def actor_of(request: HttpRequest | Any) -> Actor:
    """The actor of an authenticated request, computed once.

    The client's address is REMOTE_ADDR: a forwarded header is only worth what the proxy in front makes of it.
    """
    django_request: Any = getattr(request, "_request", request)
    known: Actor | None = getattr(django_request, "_actor", None)
    if known is None:
        known = _work_out(request)
        django_request._actor = known
    return known


def _work_out(request: Any) -> Actor:
    where: dict[str, Any] = {
        "ip": request.META.get("REMOTE_ADDR") or None,
        "request_id": str(get_contextvars().get("request_id", "")),
    }
    key = getattr(request, "auth", None)
    if isinstance(key, ApiKey):
        return Actor(
            kind="api_key",
            label=f"API key {key.name}",
            api_key_id=key.pk,
            workspace_id=key.workspace_id,
            scopes=frozenset(key.scopes),
            **where,
        )
    user: User = request.user
    roles = {one.account_id: one.role for one in memberships_of(getattr(request, "_request", request))}
    return Actor(kind="user", label=user.email, user_id=user.pk, roles=roles, **where)
