"""Runs."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import TO_ACT, Endpoint
from workflows.api.actions import idempotency_key
from workflows.catalog.schemas import ActionInput
from workflows.models import Run, Workflow
from workflows.representations.runs import RUN_PARTS, RunDetail, RunOut
from workflows.runs import control, replay

_YES_NO = ["true", "false"]
_SHOWN = ("version", "event", "origin", "replay_of")


class Runs(Endpoint):
    """The runs of the workspace, newest first."""

    required_scope = "workflows:read"
    paged = True
    parameters = (
        OpenApiParameter("workflow", uuid.UUID),
        OpenApiParameter("status", str, enum=list(Run.Status.values)),
        OpenApiParameter("test", str, enum=_YES_NO, description="True: only test runs; false: none"),
        OpenApiParameter("lane", str, description="Incident ID"),
        OpenApiParameter("since", datetime, description="Created at or after this time"),
        OpenApiParameter("until", datetime, description="Created before this time"),
    )

    @extend_schema(responses=RunOut(many=True), summary="List runs")
    def get(self, request: Request) -> Response:
        # Each by itself: joined, SQLite would carry all of it through the sorting of all runs there are.
        runs = Run.objects.prefetch_related("version", "event", "origin", "replay_of")
        if workflow := self.uuid_parameter("workflow"):
            runs = runs.filter(workflow=self.get_or_404(Workflow.objects.all(), pk=workflow))
        if test := self.choice_parameter("test", _YES_NO):
            runs = runs.filter(version__isnull=test["test"] == "true")
        if status := self.choice_parameter("status", Run.Status.values):
            runs = runs.with_status(status["status"])
        if since := self.moment_parameter("since"):
            runs = runs.filter(created_at__gte=since)
        if until := self.moment_parameter("until"):
            runs = runs.filter(created_at__lt=until)
        runs = runs.filter(**self.text_parameter("lane"))
        return self.page(runs, RunOut, ordering=("-seq",))


class RunPage(Endpoint):
    """One run with its steps."""

    required_scope = "workflows:read"

    @extend_schema(responses=RunDetail, summary="Retrieve a run")
    def get(self, request: Request, run_id: uuid.UUID) -> Response:
        runs = Run.objects.select_related(*_SHOWN, "workflow", "event__trigger").prefetch_related(*RUN_PARTS)
        return Response(RunDetail(self.get_or_404(runs, id=run_id)).data)


class ReplayIn(ActionInput):
    """The step to begin at; by default the failed step, or at the start of a run in which none failed."""

    class Meta:
        keyword_fields = {"from": serializers.ChoiceField(choices=Run.ReplayFrom.values, required=False)}


class ReplayRun(Endpoint):
    """A new run of the same event.

    From `failed_step`, the new run follows the version of the old one, keeps the outputs of its completed steps, and
    makes the others; a write that may have happened is looked up first. From `start`, everything is done again with the
    live version. Asked for again while it is under way (or once it completed from the failed step), the answer is 200
    with the run that there is.
    """

    required_scope = TO_ACT

    @extend_schema(
        request=ReplayIn,
        responses={200: RunOut, 201: RunOut},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
        summary="Replay a run",
    )
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        begin_at = self.validated(ReplayIn).get("from", "")
        related = Run.objects.select_related("version", "workflow__live", "workflow__workspace")
        run = self.get_or_404(related, id=run_id)
        key = idempotency_key(request)
        once = hashlib.sha256(key.encode()).hexdigest()[:32] if key else ""
        again, made = replay.replay(actor=self.actor, run=run, begin_at=begin_at, once=once)
        return Response(RunOut(again).data, status=201 if made else 200)


class _Control(Endpoint):
    """The base of actions on one run."""

    required_scope: ClassVar[str | tuple[str, ...]] = "workflows:write"

    def _after(self, run_id: uuid.UUID, act: Callable[..., None]) -> Response:
        related = Run.objects.select_related("workflow__workspace", *_SHOWN)
        run = self.get_or_404(related, id=run_id)
        act(actor=self.actor, run=run)
        run.refresh_from_db()
        return Response(RunOut(run).data)


class CancelRun(_Control):
    """Stop a run that waits or is paused."""

    @extend_schema(request=None, responses=RunOut, summary="Cancel a run")
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        return self._after(run_id, control.cancel)


class PauseRun(_Control):
    """Pause a waiting run."""

    @extend_schema(request=None, responses=RunOut, summary="Pause a run")
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        return self._after(run_id, control.pause)


class ResumeRun(_Control):
    """Resume a paused run."""

    required_scope = TO_ACT

    @extend_schema(request=None, responses=RunOut, summary="Resume a paused run")
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        return self._after(run_id, control.resume)
