"""Triggers: the list, making one, and a trigger's own page, which guides until it is live."""

import hashlib
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from connections import providers
from connections.access import here, member
from connections.models import Connection
from connections.paging import page_of
from connections.place import Place
from connections.problems import Problem
from connections.requests import actor_of
from workflows import catalog, lookups, setup_guide, trigger_health, trigger_options, triggers
from workflows.action_forms import flat
from workflows.deliveries import Deliveries
from workflows.models import Trigger
from workflows.pages.trigger_forms import OptionsForm, SecretForm, TriggerForm
from workflows.webhooks import state

SECTION = {"section": "triggers"}
_LATEST = 10
_NOT_REVOKED = Connection.objects.exclude(status=Connection.Status.REVOKED)
_STATUSES = [("active", "active"), ("paused", "paused"), ("closed", "closed")]


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
        rows = rows.filter(name__icontains=text)
    page = page_of(request, trigger_health.with_facts(rows).select_related("workspace", "connection"))
    context = {
        "page": page,
        "lines": [
            (trigger, catalog.find_trigger(trigger.key), trigger_health.of(trigger)) for trigger in page.rows
        ],
        "statuses": _STATUSES,
        "status": status,
        "text": text,
        "list_url": request.path,
        "integration": catalog.integration(providers.default().key),
    }
    return render(request, "triggers/list.html", context | SECTION)


@member
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Make a trigger; its page then guides through the set-up. `?connection=` preselects one."""
    asked = _asked_connection(request)
    connections = _connections(here(request), asked)
    initial = {"connection": asked or connections.filter(status=Connection.Status.ACTIVE).first()}
    form = TriggerForm(request.POST or None, connections=connections, initial=initial)
    if request.method == "POST" and form.is_valid():
        if catalog.options_schema(form.cleaned_data["key"])["required"]:
            return _add_with_options(request, form)
        try:
            trigger = triggers.create(actor=actor_of(request), **form.cleaned_data)
        except Problem as problem:
            form.add_error("key" if problem.fields else "connection", problem.message)
        else:
            return redirect("triggers:detail", trigger.pk)
    context = {
        "form": form,
        "connection": asked,
        "possible": connections.exists(),
        "integration": catalog.integration(asked.provider if asked else providers.default().key),
    }
    return render(request, "triggers/add.html", context | SECTION, status=400 if form.errors else 200)


def _add_with_options(request: HttpRequest, form: TriggerForm) -> HttpResponse:
    """The second half of making a trigger that cannot be without its options; what was entered comes along."""
    given = form.cleaned_data
    options = OptionsForm(given["key"], request.POST if "with-options" in request.POST else None)
    if options.is_valid():
        try:
            trigger = triggers.create(actor=actor_of(request), **given, options=options.input)
        except Problem as problem:
            options.add_error(None, flat(problem.fields or problem.message))
        else:
            return redirect("triggers:detail", trigger.pk)
    options.offer(lookups.asker(actor=actor_of(request), connection=given["connection"]))
    context = {
        "given": [(name, form[name].value()) for name in form.fields],
        "connection": given["connection"],
        "trigger_type": catalog.find_trigger(given["key"]),
        "integration": catalog.integration(given["connection"].provider),
        "form": options,
    }
    return render(
        request, "triggers/add_options.html", context | SECTION, status=400 if options.errors else 200
    )


def _asked_connection(request: HttpRequest) -> Connection | None:
    asked = request.GET.get("connection", "")
    if not asked:
        return None
    try:
        rows = _NOT_REVOKED.filter(pk=uuid.UUID(asked))
    except ValueError:
        raise Http404 from None
    found = rows.visible_to(actor_of(request)).first()
    if found is None:
        raise Http404
    return found


def _connections(place: Place, asked: Connection | None) -> Any:
    """Those of the place, and the one asked for, wherever the person looks at the moment."""
    rows = _NOT_REVOKED.at(place)
    if asked is not None:
        rows |= _NOT_REVOKED.filter(pk=asked.pk)
    return rows.select_related("workspace").order_by("label", "id")


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
        "secrets": trigger.secrets.select_related("created_by").order_by("retired_at", "created_at"),
        "workflows": trigger.workflows.exclude(status="archived").order_by("name")[:_LATEST],
        "has_options": bool(catalog.options_schema(trigger.key)["properties"]),
        "event_types": _event_types(trigger),
        "max_secrets": triggers.MAX_SECRETS,
    }
    return render(request, "triggers/detail.html", context | SECTION, status=400 if form.errors else 200)


def _event_types(trigger: Trigger) -> list[str]:
    """What has to be ticked at the provider: what fires the trigger always, then what its options add."""
    kind = catalog.find_trigger(trigger.key)
    if kind is None:
        return []
    return [*sorted(kind.event_types), *sorted(kind.listens_to(trigger.options) - kind.event_types)]


@member
@never_cache
@require_GET
def progress(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    """The parts of the page that change while somebody sets it up; nothing at all when `?seen=` shows them already.

    The form for the secret is no such part: what somebody is typing there stays. `?guided=`: the page has the guide,
    also when that is over by now.
    """
    context = _progress(get_trigger(request, trigger_id)) | {"guided": "guided" in request.GET}
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "triggers/progress.html", context)


def _progress(trigger: Any) -> dict[str, Any]:
    health = trigger_health.of(trigger)
    guide = setup_guide.guide(trigger, health)
    set_up = state.of(trigger)
    latest = Deliveries(trigger)[0 : _LATEST + 1]
    poll, watch = catalog.polled(trigger.key), trigger_health.watch_of(trigger)
    looked = watch and (watch.looked_at, watch.expected_at)
    begins = watch is not None and not watch.looked_at and not watch.trouble
    shown = (
        guide.steps,
        health,
        set_up,
        looked,
        [(row.verdict, row.at, row.note, row.runs) for row in latest],
    )
    return {
        "trigger": trigger,
        "trigger_type": catalog.find_trigger(trigger.key),
        "integration": catalog.integration(trigger.provider),
        "options": trigger_options.in_words(trigger.key, trigger.options),
        "health": health,
        "guide": guide,
        "set_up": set_up,
        "seen": hashlib.sha256(repr(shown).encode()).hexdigest()[:16],
        "poll": poll,
        "watch": watch,
        "watching": not guide.over
        or begins
        or set_up.changing
        or any(row.event and row.event.status == "queued" for row in latest),
        "rows": latest[:_LATEST],
        "more_rows": len(latest) > _LATEST,
    }
