"""Making a trigger, in two halves where it cannot be without its options."""

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from connections.models import Connection
from connections.web.access import here, member
from connections.web.actor_of_request import actor_of
from connections.web.current_scope import Place
from core.errors import Problem
from workflows import catalog
from workflows.calls import lookups
from workflows.formatting.serializer_errors import flat
from workflows.pages.triggers.forms import OptionsForm, TriggerForm
from workflows.pages.triggers.views import SECTION
from workflows.triggers import lifecycle

_NOT_REVOKED = Connection.objects.exclude(status=Connection.Status.REVOKED)


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
            trigger = lifecycle.create(actor=actor_of(request), **form.cleaned_data)
        except Problem as problem:
            form.add_error("key" if problem.fields else "connection", problem.message)
        else:
            return redirect("triggers:detail", trigger.pk)
    context = {
        "form": form,
        "connection": asked,
        "possible": connections.exists(),
        "integration": catalog.integration(asked.provider) if asked else catalog.only_integration(),
    }
    return render(request, "triggers/add.html", context | SECTION, status=400 if form.errors else 200)


def _add_with_options(request: HttpRequest, form: TriggerForm) -> HttpResponse:
    """The second half of making a trigger that cannot be without its options; what was entered comes along."""
    given = form.cleaned_data
    options = OptionsForm(given["key"], request.POST if "with-options" in request.POST else None)
    if options.is_valid():
        try:
            trigger = lifecycle.create(actor=actor_of(request), **given, options=options.input)
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
    """The connections of the current scope, and the requested one in any workspace."""
    rows = _NOT_REVOKED.at(place)
    if asked is not None:
        rows |= _NOT_REVOKED.filter(pk=asked.pk)
    return rows.select_related("workspace").order_by("label", "id")
