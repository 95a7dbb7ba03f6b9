"""Look-ups over the API: what a form can offer to choose from."""

import uuid
from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import Endpoint
from connections.models import Connection
from workflows.calls import lookups

_OPTION = inline_serializer(
    "LookupOption",
    {
        "value": serializers.CharField(help_text="Value of the action’s input"),
        "label": serializers.CharField(help_text="Display name"),
    },
    many=True,
)
_CHOICES = inline_serializer(
    "LookupChoices",
    {
        "options": _OPTION,
        "complete": serializers.BooleanField(
            help_text="False: truncated after 500 (narrow with `query`), or see `incomplete_reason`"
        ),
        "incomplete_reason": serializers.CharField(
            required=False, help_text="What the provider left out, and why; these values can be sent as well"
        ),
    },
)


class LookupOptions(Endpoint):
    """The values that inputs with `x-lookup: <provider>/<name>` take."""

    required_scope = "actions:run"
    refusals = (429, 502, 503, "4XX")  # the last: what the provider says of the request
    parameters = (OpenApiParameter("query", str, description="Filter by name (contains)"),)

    @extend_schema(responses=_CHOICES, summary="List lookup options")
    def get(self, request: Request, connection_id: uuid.UUID, provider: str, name: str) -> Response:
        connection = self.get_or_404(
            Connection.objects.select_related("grant", "workspace"), pk=connection_id
        )
        query = self.text_parameter("query").get("query", "")
        lookup = lookups.find(connection, f"{provider}/{name}")
        found = lookups.choices(actor=self.actor, connection=connection, lookup=lookup, query=query)
        return Response(_answer(found))


def _answer(found: lookups.Choices) -> dict[str, Any]:
    options = [asdict(option) for option in found.options]
    reason = {"incomplete_reason": found.incomplete_reason} if found.incomplete_reason else {}
    return {"options": options, "complete": found.complete} | reason
