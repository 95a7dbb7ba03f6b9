"""Fields of a trigger's deliveries that are never stored."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.web.edit_conflicts import Edit, parts_of
from workflows.pages.triggers.forms import RedactionForm
from workflows.pages.triggers.views import SECTION, get_trigger
from workflows.triggers import lifecycle


@member
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    trigger = get_trigger(request, trigger_id)
    edit = Edit(request, parts_of(RedactionForm(trigger=trigger)))
    form = RedactionForm(edit.data, trigger=trigger)
    if edit.may_store and form.is_valid():
        try:
            lifecycle.change(
                actor=actor_of(request), trigger=trigger, changes={"redact": form.cleaned_data["redact"]}
            )
        except Problem as problem:
            form.add_error("others", (problem.fields or {}).get("redact", problem.message))
        else:
            messages.success(request, "Saved. Applies to new events.")
            return redirect("triggers:detail", trigger.pk)
    context = {"trigger": trigger, "form": form, "edit": edit} | SECTION
    return render(request, "triggers/redaction.html", context, status=edit.status(form.errors))
