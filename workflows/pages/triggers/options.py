"""The options of a trigger, such as which incidents start workflows; lists are chosen from the connected account."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from connections.models import Connection
from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.web.edit_conflicts import Edit, parts_of
from workflows import catalog
from workflows.calls import lookups
from workflows.formatting.serializer_errors import flat
from workflows.pages.triggers.forms import OptionsForm
from workflows.pages.triggers.views import SECTION, get_trigger
from workflows.triggers import lifecycle


@member
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    trigger = get_trigger(request, trigger_id)
    if not catalog.options_schema(trigger.key)["properties"]:
        raise Http404
    edit = Edit(request, parts_of(OptionsForm(trigger.key, initial=trigger.options)))
    form = OptionsForm(trigger.key, edit.data, initial=trigger.options)
    if edit.may_store and form.is_valid():
        try:
            lifecycle.change(actor=actor_of(request), trigger=trigger, changes={"options": form.input})
        except Problem as problem:
            form.add_error(None, flat(problem.fields or problem.message))
        else:
            messages.success(request, "Saved. Applies to new events.")
            return redirect("triggers:detail", trigger.pk)
    offer(request, form, trigger.connection)
    context = {"trigger": trigger, "form": form, "trigger_type": catalog.find_trigger(trigger.key)}
    context |= {"edit": edit} | SECTION
    return render(request, "triggers/options.html", context, status=edit.status(form.errors))


def offer(request: HttpRequest, form: OptionsForm, connection: Connection) -> None:
    """Fill the pickers from the connected account."""
    form.offer(lookups.asker(actor=actor_of(request), connection=connection))
