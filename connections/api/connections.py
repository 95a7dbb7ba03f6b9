"""Connections over the API: see, check, revoke."""

import uuid
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import Endpoint
from connections.api.health import health_field
from connections.connecting import health_check
from connections.connecting.revoke import revoke
from connections.grants import registry
from connections.models import Connection
from core.request_slots import busy, provider_slot


class ConnectionOut(serializers.ModelSerializer[Connection]):
    """A connection; never a token."""

    workspace = serializers.UUIDField(source="workspace_id")
    scopes_asked = serializers.SerializerMethodField()
    scopes_granted = serializers.SerializerMethodField()
    expires_at = serializers.SerializerMethodField()
    consent_ends_at = serializers.SerializerMethodField()
    authorised_by = serializers.SerializerMethodField()
    health = health_field()

    class Meta:
        model = Connection
        fields = [
            "id",
            "provider",
            "label",
            "workspace",
            "status",
            "status_reason",
            "health",
            "external_account_id",
            "external_account_name",
            "external_user_id",
            "region",
            "scopes_asked",
            "scopes_granted",
            "authorised_by",
            "authorised_at",
            "default_from",
            "last_used_at",
            "expires_at",
            "consent_ends_at",
            "revoked_at",
            "created_at",
        ]

    def _grant(self, connection: Connection, name: str, otherwise: Any) -> Any:
        grant = getattr(connection, "grant", None)
        return getattr(grant, name) if grant else otherwise

    def get_scopes_asked(self, connection: Connection) -> list[str]:
        asked: list[str] = self._grant(connection, "scopes_asked", [])
        return asked

    def get_scopes_granted(self, connection: Connection) -> list[str]:
        granted: list[str] = self._grant(connection, "scopes_granted", [])
        return granted

    def get_expires_at(self, connection: Connection) -> str | None:
        expires_at = self._grant(connection, "expires_at", None)
        return expires_at.isoformat() if expires_at else None

    def get_consent_ends_at(self, connection: Connection) -> str | None:
        ends_at = self._grant(connection, "consent_ends_at", None)
        return ends_at.isoformat() if ends_at else None

    def get_authorised_by(self, connection: Connection) -> str | None:
        return connection.authorised_by.email if connection.authorised_by else None


def _all() -> Any:
    return Connection.objects.select_related("grant", "workspace__account", "authorised_by")


class Connections(Endpoint):
    """The connections of the workspace."""

    required_scope = "connections:read"
    paged = True
    parameters = (
        OpenApiParameter("status", str, enum=list(Connection.Status.values)),
        OpenApiParameter("provider", str, description="Provider key"),
    )

    @extend_schema(responses=ConnectionOut(many=True), summary="List connections")
    def get(self, request: Request) -> Response:
        keys = [provider.key for provider in registry.known()]
        wanted = self.choice_parameter("status", Connection.Status.values)
        wanted |= self.choice_parameter("provider", keys)
        return self.page(_all().filter(**wanted), ConnectionOut)


class ConnectionDetail(Endpoint):
    """One connection."""

    required_scope = "connections:read"

    @extend_schema(responses=ConnectionOut, summary="Retrieve a connection")
    def get(self, request: Request, connection_id: uuid.UUID) -> Response:
        return Response(ConnectionOut(self.get_or_404(_all(), pk=connection_id)).data)


class RevokeConnection(Endpoint):
    """Revoke a connection and return the receipt."""

    required_scope = "connections:write"

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT, summary="Revoke a connection")
    def post(self, request: Request, connection_id: uuid.UUID) -> Response:
        connection = self.get_or_404(_all(), pk=connection_id)
        return Response(revoke(actor=self.actor, connection=connection))


class CheckConnection(Endpoint):
    """Check the connection with the provider now."""

    required_scope = "connections:write"
    refusals = (429, 502, 503, "4XX")  # the last: what the provider says of the request

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT, summary="Test a connection")
    def post(self, request: Request, connection_id: uuid.UUID) -> Response:
        connection = self.get_or_404(_all(), pk=connection_id)
        with provider_slot(connection.workspace_id, connection.pk) as free:
            if not free:
                raise busy()
            return Response(health_check.check(actor=self.actor, connection=connection))
