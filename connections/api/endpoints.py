"""The base of all endpoints: actor, required scope, visible rows, pagination."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from connections.api.errors import invalid_input
from connections.api.pagination import Pages
from connections.tenancy.actor import Actor
from connections.web.actor_of_request import actor_of
from core.errors import Problem, not_found

Row = TypeVar("Row", bound=models.Model)


_LONGEST_TEXT = 200
_MOST_FAULTS = 20


# What makes actions happen on connected accounts needs the second one too.
TO_ACT = ("workflows:write", "actions:run")


class Endpoint(APIView):
    """An endpoint of /api/v1/. `required_scope`, or `required_scopes` by method, is what the caller needs.

    parameters: of the query of GET; any other name is refused. paged: whether GET lists rows, page by page.
    refusals: further statuses of errors it may answer, for the OpenAPI document.
    """

    pagination_class = Pages  # of what is listed, for the OpenAPI document
    refusals: ClassVar[tuple[int | str, ...]] = ()

    parameters: ClassVar[tuple[OpenApiParameter, ...]] = ()
    paged: ClassVar[bool] = False
    workspace_parameter = OpenApiParameter("workspace", uuid.UUID, description="Only items of this workspace")

    required_scope: ClassVar[str | tuple[str, ...]] = ""
    required_scopes: ClassVar[dict[str, str]] = {}

    @classmethod
    def scopes_for(cls, method: str) -> tuple[str, ...]:
        """The scopes that a request by `method` needs."""
        wanted = cls.required_scopes.get("GET" if method == "HEAD" else method, cls.required_scope)
        return tuple(wanted.split()) if isinstance(wanted, str) else wanted

    @property
    def actor(self) -> Actor:
        return actor_of(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        for scope in self.scopes_for(request.method or ""):
            if self.actor.kind == "api_key" and scope not in self.actor.scopes:
                raise Problem(
                    "insufficient_scope",
                    f"This API key needs the scope {scope}.",
                    status=403,
                    detail={"scope": scope},
                )
        self._refuse_unknown_parameters()

    def _refuse_unknown_parameters(self) -> None:
        """A name mistyped would list everything; one given twice counts once. Raises Problem (invalid_input)."""
        known = self.query_names() if self.request.method in ("GET", "HEAD") else []
        faults: dict[str, Any] = {}
        for name, values in self.request.query_params.lists():
            if name not in known:
                nearest = get_close_matches(name, known, n=1)
                meant = f" Did you mean {nearest[0]}?" if nearest else ""
                faults[name[:_LONGEST_TEXT]] = [f"Unknown parameter.{meant}"]
            elif len(values) > 1:
                faults[name] = ["Provide this parameter only once."]
        if faults:
            raise invalid_input(dict(list(faults.items())[:_MOST_FAULTS]))

    def query_names(self) -> list[str]:
        """The query parameters that GET accepts."""
        pages = ["cursor", "limit"] if self.paged else []
        narrowed = [self.workspace_parameter.name] if self.paged and not self.kwargs else []
        return [*(parameter.name for parameter in self.parameters), *pages, *narrowed]

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

    def moment_parameter(self, name: str) -> datetime | None:
        """A query parameter that is a moment in ISO 8601 with its zone. Raises Problem (invalid_input)."""
        value = self.request.query_params.get(name)
        if value is None:
            return None
        with suppress(ValueError, OverflowError):
            moment = parse_datetime(value.replace(" ", "+"))  # a plus that was not encoded arrives as a space
            if moment is not None and moment.tzinfo is not None:
                return moment.astimezone(UTC)  # offsets that databases do not take, and days of no calendar
        raise invalid_input(
            {name: ["Must be a date and time with a time zone, such as 2026-11-29T17:00:00Z."]}
        )

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
        found: Any = pages.paginate_queryset(rows, self.request, view=self)
        return pages.get_paginated_response(serializer(found, many=True).data)
