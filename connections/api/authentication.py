"""Authentication: a workspace API key (`Authorization: Bearer tj_…`), or a signed-in person."""

from typing import Any

from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from connections.accounts import api_keys
from connections.models import ApiKey
from connections.web import second_factor
from core.db import tenant_scope


class KeyHolder:
    """The user of an API request by key: authenticated, without a name."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    pk = None


class ApiKeyAuthentication(BaseAuthentication):
    """request.auth is then the ApiKey."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, ApiKey] | None:
        kind, _, candidate = get_authorization_header(request).decode("latin-1").partition(" ")
        if not kind:
            return None
        key = api_keys.find(candidate.strip()) if kind.lower() == "bearer" else None
        if key is None:
            raise AuthenticationFailed("This API key is unknown, expired or revoked.")
        tenant_scope.set_scope(tenant_scope.Scope(workspace=key.workspace_id))
        api_keys.used(key)
        return KeyHolder(), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SecondFactorRequired(PermissionDenied):
    """A signed-in person whose agency asks for a second factor, and who has none."""

    problem_code = "second_factor_required"


class PersonAuthentication(SessionAuthentication):
    """DRF's for sessions, and the second factor where the person's agency asks for one."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Raises SecondFactorRequired."""
        found = super().authenticate(request)
        if found is not None and second_factor.is_missing(request._request):
            raise SecondFactorRequired(second_factor.WHY)
        return found
