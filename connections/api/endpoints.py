"""What every endpoint does the same way: whose request, which scope, which rows, which page."""

import uuid
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from connections.actors import Actor
from connections.api.errors import invalid_input
from connections.problems import Problem, not_found
from connections.requests import actor_of

Row = TypeVar("Row", bound=models.Model)


_LONGEST_TEXT = 200


class Pages(CursorPagination):
    """Cursor pages of 50, at most 200 (`?limit=`)."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"


class Endpoint(APIView):
    """An endpoint of /api/v1/. `required_scope`, or `required_scopes` by method, is what the caller needs.

    refusals: further statuses of errors it may answer, for the OpenAPI document.
    """

    pagination_class = Pages  # of what is listed, for the OpenAPI document
    refusals: ClassVar[tuple[int | str, ...]] = ()

    required_scope: ClassVar[str] = ""
    required_scopes: ClassVar[dict[str, str]] = {}

    @property
    def actor(self) -> Actor:
        return actor_of(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = "GET" if request.method == "HEAD" else request.method or ""
        scope = self.required_scopes.get(method, self.required_scope)
        if self.actor.kind == "api_key" and scope and scope not in self.actor.scopes:
            raise Problem(
                "insufficient_scope",
                f"This API key needs the scope {scope}.",
                status=403,
                detail={"scope": scope},
            )

    def visible(self, rows: Any) -> Any:
        """The rows of the actor's workspaces; `?workspace=` narrows them to one."""
        found = rows.visible_to(self.actor)
        workspace = self.uuid_parameter("workspace")
        return found.filter(workspace=workspace) if workspace else found

    def get_or_404(self, rows: Any, **lookup: Any) -> Any:
        """The one visible row; a foreign id and one that does not exist answer the same. Raises Problem."""
        try:
            row = rows.visible_to(self.actor).filter(**lookup).first()
        except (ValidationError, ValueError):
            row = None
        if row is None:
            raise not_found()
        return row

    def validated(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """The request's body as `serializer` understands it. Raises ValidationError."""
        checked = serializer(data=self.request.data)
        checked.is_valid(raise_exception=True)
        data: dict[str, Any] = checked.validated_data
        return data

    def uuid_parameter(self, name: str) -> uuid.UUID | None:
        """A query parameter that is an id. Raises Problem (invalid_input)."""
        value = self.request.query_params.get(name)
        if value is None:
            return None
        try:
            return uuid.UUID(value)
        except ValueError:
            raise invalid_input({name: ["Must be a UUID."]}) from None

    def choice_parameter(self, name: str, choices: Sequence[str]) -> dict[str, str]:
        """{name: value} of a parameter that is one of `choices`, {} without it. Raises Problem (invalid_input)."""
        value = self.request.query_params.get(name)
        if value is None:
            return {}
        if value not in choices:
            raise invalid_input({name: [f"Must be one of {', '.join(choices)}."]})
        return {name: value}

    def text_parameter(self, name: str) -> dict[str, str]:
        """{name: value} of a query parameter of printable text, {} without it. Raises Problem (invalid_input)."""
        value = self.request.query_params.get(name)
        if value is None:
            return {}
        if not value.isprintable() or len(value) > _LONGEST_TEXT:
            raise invalid_input({name: [f"Must be at most {_LONGEST_TEXT} printable characters."]})
        return {name: value}

    def page(
        self, rows: Any, serializer: type[Serializer[Any]], ordering: Sequence[str] = ("-created_at", "id")
    ) -> Response:
        """One page of the visible rows: {"next", "previous", "results"}."""
        return self.page_of(self.visible(rows), serializer, ordering)

    def page_of(self, rows: Any, serializer: type[Serializer[Any]], ordering: Sequence[str]) -> Response:
        """The same of rows that belong to one which is known to be visible."""
        pages = Pages()
        pages.ordering = tuple(ordering)
        try:
            found: Any = pages.paginate_queryset(rows, self.request, view=self)
        except (ValidationError, ValueError):  # a cursor that decodes to something that is no position
            raise invalid_input({"cursor": ["Use the links `next` and `previous`."]}) from None
        return pages.get_paginated_response(serializer(found, many=True).data)
