"""ETag and If-Match (RFC 9110, 13.1.1): a change that was made against an older state is refused, not applied."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import F, Model
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import Problem

Row = TypeVar("Row", bound=Model)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of your last read; if the resource changed since, the request fails with 412",
)
ETAG = OpenApiParameter(
    "ETag",
    str,
    OpenApiParameter.HEADER,
    response=True,
    description="Changes when an editable field changes",
)


def tag_of(state: dict[str, Any]) -> str:
    """The same for the same state. state: what people and programs edit, not what changes by itself."""
    text = json.dumps(state, sort_keys=True, default=str)
    return f'"{hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]}"'


def with_tag(response: Response, tag: str) -> Response:
    response["ETag"] = tag
    return response


def unchanged(request: Request, row: Row, tag: Callable[[Row], str]) -> None:
    """Hold the row until the transaction ends, and read it anew, where the request has an If-Match.

    Raises Problem (precondition_failed) where that names another state.
    """
    asked = request.headers.get("If-Match")
    if asked is None:
        return
    pk = row._meta.pk.name
    type(row)._base_manager.filter(pk=row.pk).update(**{pk: F(pk)})
    row.refresh_from_db()
    now = tag(row)
    # A proxy that compresses answers makes their tags weak; ours are of the state, not of the bytes.
    if asked.strip() != "*" and now not in [one.strip().removeprefix("W/") for one in asked.split(",")]:
        raise Problem(
            "precondition_failed",
            "The resource has changed since you read it. Nothing was saved: read it again and retry.",
            status=412,
            detail={"etag": now},
        )
