"""The events that came in."""

import uuid
from datetime import timedelta

from django.db import connection
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import TO_ACT, Endpoint
from core.db import clock
from workflows.api.serializers.events import EventDetail
from workflows.models import Event, Trigger
from workflows.representations.events_and_calls import EventOut
from workflows.triggers import lifecycle

_SETTLES_IN = timedelta(seconds=3)


def _settled(events: QuerySet[Event]) -> QuerySet[Event]:
    """Return those of `events` before which no other can appear any more, for clients that poll by `seq`.

    PostgreSQL assigns `seq` before the commit, so a higher number may become visible before a lower one. Rows of
    the last seconds, and all behind them, are left for the next poll. SQLite has one writer at a time.
    """
    if connection.vendor == "sqlite":
        return events
    fresh = events.filter(received_at__gt=clock.now() - _SETTLES_IN).order_by("seq")
    first: int | None = fresh.values_list("seq", flat=True).first()
    return events if first is None else events.filter(seq__lt=first)


class Events(Endpoint):
    """Events, newest first; oldest first with `after`, for polling clients."""

    required_scope = "triggers:read"
    paged = True
    parameters = (
        OpenApiParameter("trigger", uuid.UUID),
        OpenApiParameter("after", uuid.UUID, description="ID of the last event already seen"),
    )

    @extend_schema(responses=EventOut(many=True), summary="List events")
    def get(self, request: Request) -> Response:
        events: QuerySet[Event] = Event.objects.all()
        if trigger := self.uuid_parameter("trigger"):
            events = events.filter(trigger=self.get_or_404(Trigger.objects.all(), pk=trigger))
        if after := self.uuid_parameter("after"):
            seen = self.get_or_404(Event.objects.all(), id=after)
            events = _settled(self.visible(events.filter(seq__gt=seen.seq)))
            return self.page(events, EventOut, ordering=("seq",))
        return self.page(events, EventOut, ordering=("-seq",))


class EventPage(Endpoint):
    """One event, with what it meant to each workflow of its trigger."""

    required_scope = "triggers:read"

    @extend_schema(responses=EventDetail, summary="Retrieve an event with the runs it started and why")
    def get(self, request: Request, event_id: uuid.UUID) -> Response:
        return Response(
            EventDetail(self.get_or_404(Event.objects.select_related("trigger"), id=event_id)).data
        )


class RequeueEvent(Endpoint):
    """Retry an event whose runs could not be created."""

    required_scope = TO_ACT

    @extend_schema(request=None, responses=EventOut, summary="Retry an event")
    def post(self, request: Request, event_id: uuid.UUID) -> Response:
        event = self.get_or_404(Event.objects.select_related("trigger__connection"), id=event_id)
        lifecycle.requeue(actor=self.actor, event=event)
        event.refresh_from_db()
        return Response(EventOut(event).data)
