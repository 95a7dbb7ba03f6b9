"""Running actions over the API, and looking at the calls that came of it."""

import re
import time
import uuid
from contextlib import nullcontext

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import Endpoint
from connections.models import Connection
from core.db import lending, tenant_scope
from core.errors import Problem
from core.request_slots import connection_slot, thread_slot
from workflows.calls import pipeline, problems, streams
from workflows.models import ActionCall
from workflows.representations.events_and_calls import CallOut

_LONGEST_WAIT = 30.0
_LOOK_EVERY = 0.1
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_OPEN = ("pending", "running", "waiting")


class NdJsonRenderer(JSONRenderer):
    """One JSON value a line (https://github.com/ndjson/ndjson-spec); refusals are a single one."""

    media_type = "application/x-ndjson"
    format = "ndjson"


class RunAction(Endpoint):
    """One action on one connection."""

    required_scope = "actions:run"
    refusals = (422, 429, 502, 503, "4XX")  # the last: what the provider says of the request
    renderer_classes = (JSONRenderer, NdJsonRenderer)

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses={
            200: CallOut,
            202: CallOut,
            (200, NdJsonRenderer.media_type): OpenApiResponse(
                OpenApiTypes.STR,
                "Each row of a listing on its own line; the last line has `summary` or `error`.",
            ),
        },
        parameters=[
            OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER),
            OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="respond-async, or wait=N"),
        ],
        summary="Run an action",
    )
    def post(
        self, request: Request, connection_id: uuid.UUID, provider: str, action: str
    ) -> HttpResponseBase:
        connection = self.get_or_404(
            Connection.objects.select_related("grant", "workspace"), pk=connection_id
        )
        if isinstance(request.accepted_renderer, NdJsonRenderer):
            return self._streamed(request, connection, f"{provider}/{action}")
        wait, now = _preference(request)
        with thread_slot(connection.workspace_id) as may_wait:
            at_once = connection_slot(connection.pk) if now and may_wait else nullcontext(False)
            with at_once as free:  # without it the workers do it, and the answer may be 202
                call = pipeline.call_action(
                    actor=self.actor,
                    connection=connection,
                    action_key=f"{provider}/{action}",
                    data=request.data,
                    origin=ActionCall.Origin.API,
                    idempotency_key=idempotency_key(request),
                    start=free,
                )
            if may_wait:
                _wait_for(call, wait)
        return answer(call)

    def _streamed(self, request: Request, connection: Connection, action_key: str) -> StreamingHttpResponse:
        if idempotency_key(request):
            field = {"Idempotency-Key": ["A stream is not stored, so it cannot be repeated."]}
            raise Problem("invalid_input", "A stream does not accept an Idempotency-Key.", fields=field)
        lines = streams.lines(
            actor=self.actor, connection=connection, action_key=action_key, data=request.data
        )
        next(lines)  # raises Problem before the response begins
        # Django closes what it is given itself, after the middleware has ended the request's scope.
        scoped = tenant_scope.ScopedIterator(lines)
        return StreamingHttpResponse(scoped, content_type=NdJsonRenderer.media_type)


class CallDetail(Endpoint):
    """One action call with its current state."""

    required_scope = "actions:run"

    @extend_schema(responses=CallOut, summary="Retrieve an action call")
    def get(self, request: Request, call_id: uuid.UUID) -> Response:
        return Response(CallOut(self.get_or_404(ActionCall.objects.all(), pk=call_id)).data)


def answer(call: ActionCall) -> Response:
    """200 when it is completed, 202 while it is open. Raises the call's Problem when it has failed."""
    if call.status in (ActionCall.Status.FAILED, ActionCall.Status.CANCELLED):
        raise problems.of_failed_call(call)
    completed = call.status == ActionCall.Status.COMPLETED
    return Response(CallOut(call).data, status=200 if completed else 202)


def idempotency_key(request: Request) -> str | None:
    """The header's value, None without it. Raises Problem (invalid_input)."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(
            "invalid_input",
            "Idempotency-Key must be 1 to 200 printable ASCII characters.",
            fields={"Idempotency-Key": ["1 to 200 printable ASCII characters without spaces."]},
        )
    return key


def _preference(request: Request) -> tuple[float, bool]:
    """Seconds to wait for a call that has to wait, and whether to make the first attempt at once (RFC 7240)."""
    prefer = request.headers.get("Prefer", "")
    if "respond-async" in prefer:
        return 0.0, False
    wait = re.search(r"\bwait=(\d{1,4})", prefer)
    return (min(float(wait[1]), _LONGEST_WAIT) if wait else 0.0), True


def _wait_for(call: ActionCall, seconds: float) -> None:
    """Give the background workers that long to finish the call."""
    end = time.monotonic() + seconds
    while call.status in _OPEN and time.monotonic() < end:
        lending.give_back()
        time.sleep(_LOOK_EVERY)
        call.refresh_from_db()
