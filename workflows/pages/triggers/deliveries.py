"""Deliveries of a trigger: the list, one event with its payload, retry of a failed one."""

import uuid
from typing import Any, cast

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.text import json_preview
from core.web.actions import perform
from core.web.pagination import page_of
from workflows import catalog
from workflows.models import Event, Trigger, Workflow
from workflows.pages.triggers.views import SECTION, get_trigger
from workflows.triggers import delivery_outcomes as explained
from workflows.triggers import lifecycle
from workflows.triggers.delivery_log import VERDICTS, Deliveries, row_of

_PAGE = 25
_RUNS = 50


@member
@never_cache
@require_GET
def delivery_list(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    """Everything that came, newest first; `?verdict=` and `?type=` narrow it."""
    trigger = get_trigger(request, trigger_id)
    asked, event_type = request.GET.get("verdict", ""), request.GET.get("type", "").replace("\0", "")[:120]
    verdict = asked if asked in VERDICTS else ""
    found = Deliveries(trigger, verdict=verdict, event_type=event_type)
    types = found.types()
    shown_types = types if not event_type or event_type in types else [event_type, *types]
    context = {
        "trigger": trigger,
        "poll": catalog.polled(trigger.key),
        # A page is cut out of it as out of a query set, and nothing else is done with it.
        "page": page_of(request, cast(QuerySet[Any], found), _PAGE),
        "verdicts": VERDICTS.items(),
        "verdict": verdict,
        "types": [(name, name) for name in shown_types],
        "type": event_type,
        "asked": bool(verdict or event_type),
    }
    return render(request, "triggers/deliveries.html", context | SECTION)


def _event(request: HttpRequest, trigger_id: uuid.UUID, event_id: uuid.UUID) -> Event:
    """The visible event; it stays readable when its trigger is deleted."""
    rows = Event.objects.visible_to(actor_of(request)).filter(trigger=trigger_id, id=event_id)
    event = rows.select_related("trigger__connection__workspace__account").first()
    if event is None:
        raise Http404
    return event


@member
@never_cache
@require_GET
def delivery(request: HttpRequest, trigger_id: uuid.UUID, event_id: uuid.UUID) -> HttpResponse:
    event = _event(request, trigger_id, event_id)
    payload, cut = _readable(event)
    found = explained.outcomes(event)
    nothing = "" if found else explained.in_brief(event, explained.listening(event.trigger))
    again = event.runs.filter(Q(replay__gt=0) | Q(version__isnull=True)).select_related("workflow")
    context = {
        "event": event,
        "trigger": event.trigger,
        "row": row_of(event, event.trigger),
        "integration": catalog.integration(event.trigger.provider),
        "payload": payload,
        "cut": cut,
        "outcomes": found,
        "nothing": nothing,
        "again": again.order_by("seq")[:_RUNS],
        "offered": _offered(event),
    }
    return render(request, "triggers/delivery.html", context | SECTION)


def _offered(event: Event) -> list[Workflow]:
    """The workflows that a person can let run on a test event: those published that have not run on it."""
    if not event.is_test or event.trigger.status != Trigger.Status.ACTIVE:
        return []
    rows = event.trigger.workflows.filter(live__isnull=False, status=Workflow.Status.ACTIVE)
    return list(rows.exclude(runs__event=event.seq).order_by("name", "pk")[:_RUNS])


def _readable(event: Event) -> tuple[str, bool]:
    """(the payload as people read JSON, or as it is where it is none; whether it was cut)."""
    payload = event.payload
    if payload is not None:
        return json_preview.shown(payload)
    body = bytes(event.body)
    text = body[: json_preview.LONGEST].decode(errors="replace").replace("\0", "")
    return text, len(body) > json_preview.LONGEST


@member
@require_POST
def requeue(request: HttpRequest, trigger_id: uuid.UUID, event_id: uuid.UUID) -> HttpResponse:
    event = _event(request, trigger_id, event_id)
    perform(request, lambda: lifecycle.requeue(actor=actor_of(request), event=event), "Retrying.")
    return redirect("triggers:delivery", trigger_id, event_id)
