"""The OpenAPI document: how API keys appear in it, and what every endpoint may answer besides its result."""

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from connections.api.endpoints import Endpoint


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "connections.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A workspace API key: `tj_…`"}


class PersonScheme(SessionScheme):  # type: ignore[no-untyped-call]
    target_class = "connections.api.authentication.PersonAuthentication"


class ErrorFields(serializers.Serializer[Any]):
    """The body of an error. fields: the inputs at fault. retryable: the same request may succeed later."""

    code = serializers.CharField()
    message = serializers.CharField()
    fields = serializers.DictField(required=False)  # type: ignore[assignment]
    provider_status = serializers.IntegerField(required=False)
    retryable = serializers.BooleanField(required=False)
    detail = serializers.DictField(required=False)


class ErrorOut(serializers.Serializer[Any]):
    """Every refusal looks like this (connections.api.errors)."""

    error = ErrorFields()


class Schema(AutoSchema):
    """As drf-spectacular has it, and the refusals that an endpoint can answer, each with its shape."""

    def get_override_parameters(self) -> list[Any]:
        """The query parameters of the endpoint; pages `?workspace=` too, unless they are of one row that has one."""
        own = super().get_override_parameters()
        if self.method != "GET" or not isinstance(self.view, Endpoint):
            return own
        listed = self.view.paged and not self._names_a_row()
        return [*own, *self.view.parameters, *([self.view.workspace_parameter] if listed else [])]

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None and isinstance(self.view, Endpoint):
            scopes = " and ".join(f"`{scope}`" for scope in self.view.scopes_for(self.method))
            said = [operation.get("description", ""), f"An API key needs the scope {scopes}."]
            operation["description"] = "\n\n".join(text for text in said if text)
            for status in self._refusals(operation):
                operation["responses"].setdefault(status, self._refusal(status))
            operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def _refusal(self, status: str) -> Any:
        kinds = [renderer.media_type for renderer in self.view.renderer_classes]
        return self._get_response_for_code(ErrorOut, status, media_types=kinds)  # type: ignore[no-untyped-call]

    def _names_a_row(self) -> bool:
        return "{" in self.path

    def _refusals(self, operation: dict[str, Any]) -> list[str]:
        statuses = {401, 403, 406, *getattr(self.view, "refusals", ())}
        if self._names_a_row() or operation.get("parameters") or "requestBody" in operation:
            statuses |= {400, 404}  # 404 also for a row that is named in a body or a query
        if self.method != "GET":
            statuses |= {409, 413, 415}
        return sorted(str(status) for status in statuses)
