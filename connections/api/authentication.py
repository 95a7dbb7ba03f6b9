"""`Authorization: Bearer tj_…`: a workspace API key in place of a signed-in person."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from connections import api_keys, wall
from connections.models import ApiKey


class KeyHolder:
    """Who is behind an API key: nobody by name, but authenticated."""

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
        wall.look(wall.View(workspace=key.workspace_id))
        api_keys.used(key)
        return KeyHolder(), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
