"""Triggers: the list, and a trigger's own page, which guides until it is live."""

import hashlib
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from connections.web.access import here, member
from connections.web.actor_of_request import actor_of
from core.text.search import search
from core.web.pagination import page_of
from workflows import catalog
from workflows.deadlines import state as deadline_state
from workflows.inbox import limits as inbox_limits
from workflows.models import Trigger
from workflows.pages.triggers.forms import SecretForm
from workflows.subscriptions import state
from workflows.triggers import health as trigger_health
from workflows.triggers import options, setup_guide
from workflows.triggers.delivery_log import Deliveries

SECTION = {"section": "triggers"}
_LATEST = 10
_STATUSES = [("active", "Active"), ("paused", "Paused"), ("closed", "Closed")]


def get_trigger(request: HttpRequest, trigger_id: uuid.UUID) -> Any:
    """The visible trigger, with what trigger_health.of reads; a foreign or deleted one is not there."""
    rows = trigger_health.with_facts(Trigger.objects.visible_to(actor_of(request)))
    related = rows.select_related("workspace__account", "connection__workspace__account", "connection__grant")
    found = related.filter(pk=trigger_id, deleted_at__isnull=True).first()
    if found is None:
        raise Http404
    return found


@member
@require_GET
def trigger_list(request: HttpRequest) -> HttpResponse:
    """The triggers of the place, newest first; `?status=` and `?q=` narrow them."""
    rows = Trigger.objects.at(here(request)).filter(deleted_at__isnull=True)
    status, text = request.GET.get("status", ""), request.GET.get("q", "").replace("\0", "").strip()[:120]
    if status in Trigger.Status.values:
        rows = rows.filter(status=status)
    if text:
        rows = rows.filter(search("name", text))
    page = page_of(request, trigger_health.with_facts(rows).select_related("workspace", "connection"))
    context = {
        "page": page,
        "lines": [
            (trigger, catalog.find_trigger(trigger.key), trigger_health.of(trigger)) for trigger in page.rows
        ],
        "statuses": _STATUSES,
        "status": status,
        "text": text,
        "asked": bool(status or text),
        "list_url": request.path,
        "integration": catalog.only_integration(),
    }
    return render(request, "triggers/list.html", context | SECTION)


@member
@never_cache
@require_GET
def detail(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    return show(request, get_trigger(request, trigger_id), SecretForm())


def show(request: HttpRequest, trigger: Any, form: SecretForm) -> HttpResponse:
    """The trigger's page, with the form for a secret as it was filled in; its value is never shown again."""
    context = _progress(trigger)
    context |= {
        "form": form,
        "guided": not context["guide"].over,
        "event_types": _event_types(trigger),
        "max_secrets": inbox_limits.MAX_SECRETS,
    }
    return render(request, "triggers/detail.html", context | SECTION, status=400 if form.errors else 200)


def _event_types(trigger: Trigger) -> list[str]:
    """The event types to select at the provider: those that always fire the trigger, then the others."""
    kind = catalog.find_trigger(trigger.key)
    if kind is None:
        return []
    delivered = kind.delivered(trigger.options)
    return [*sorted(kind.event_types & delivered), *sorted(delivered - kind.event_types)]


@member
@never_cache
@require_GET
def progress(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    """Render the parts of the page that change during setup, or return 204 when `?seen=` is the present state.

    The form for the secret is not among them, so that half-typed text stays. `?guided=`: the page shows the guide,
    also when the guide has ended by now.
    """
    context = _progress(get_trigger(request, trigger_id)) | {"guided": "guided" in request.GET}
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "triggers/_progress.html", context)


def _progress(trigger: Any) -> dict[str, Any]:
    health = trigger_health.of(trigger)
    guide = setup_guide.guide(trigger, health)
    set_up = state.of(trigger)
    latest = Deliveries(trigger)[0 : _LATEST + 1]
    poll, watch = catalog.polled(trigger.key), trigger_health.watch_of(trigger)
    looked = watch and (watch.looked_at, watch.expected_at)
    deadlines = deadline_state.of(trigger)
    begins = watch is not None and not watch.looked_at and not watch.trouble
    secrets = list(trigger.secrets.select_related("created_by").order_by("retired_at", "created_at"))
    shown = (
        guide.steps,
        [(secret.pk, secret.last_seen_at, secret.retired_at) for secret in secrets],
        health,
        set_up,
        looked,
        deadlines,
        [(row.verdict, row.at, row.note, row.runs) for row in latest],
    )
    return {
        "trigger": trigger,
        "trigger_type": catalog.find_trigger(trigger.key),
        "integration": catalog.integration(trigger.provider),
        "options": options.in_words(trigger.key, trigger.options),
        "health": health,
        "guide": guide,
        "secrets": secrets,
        "workflows": trigger.workflows.exclude(status="archived").order_by("name")[:_LATEST],
        "has_options": bool(catalog.options_schema(trigger.key)["properties"]),
        "set_up": set_up,
        "seen": hashlib.sha256(repr(shown).encode()).hexdigest()[:16],
        "poll": poll,
        "watch": watch,
        "deadlines": deadlines,
        "watching": not guide.over
        or begins
        or set_up.changing
        or any(row.event and row.event.status == "queued" for row in latest),
        "rows": latest[:_LATEST],
        "more_rows": len(latest) > _LATEST,
    }
