"""Changes to a trigger: rename, pause, resume, delete."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.web.actions import perform
from core.web.edit_conflicts import Edit, parts_of
from workflows import catalog
from workflows.models import Trigger
from workflows.pages.triggers.forms import RenameForm
from workflows.pages.triggers.views import SECTION, get_trigger
from workflows.subscriptions import state
from workflows.triggers import lifecycle


@member
@require_http_methods(["GET", "POST"])
def rename(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    trigger = get_trigger(request, trigger_id)
    edit = Edit(request, parts_of(RenameForm(initial={"name": trigger.name})))
    form = RenameForm(edit.data, initial={"name": trigger.name})
    if edit.may_store and form.is_valid():
        try:
            lifecycle.change(actor=actor_of(request), trigger=trigger, changes=form.cleaned_data)
        except Problem as problem:
            form.add_error("name", problem.message)
        else:
            return redirect("triggers:detail", trigger.pk)
    context = {"trigger": trigger, "form": form, "edit": edit, "poll": catalog.polled(trigger.key)} | SECTION
    return render(request, "triggers/rename.html", context, status=edit.status(form.errors))


@member
@require_POST
def pause(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    words = "Trigger paused."
    return _set_status(request, trigger_id, Trigger.Status.PAUSED, words)


@member
@require_POST
def resume(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    words = "Trigger resumed."
    return _set_status(request, trigger_id, Trigger.Status.ACTIVE, words)


def _set_status(request: HttpRequest, trigger_id: uuid.UUID, status: str, words: str) -> HttpResponse:
    trigger = get_trigger(request, trigger_id)
    perform(
        request,
        lambda: lifecycle.change(actor=actor_of(request), trigger=trigger, changes={"status": status}),
        words,
    )
    return redirect("triggers:detail", trigger.pk)


@member
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    """Ask first, then close the address for good."""
    trigger = get_trigger(request, trigger_id)
    if request.method == "POST":
        lifecycle.delete(actor=actor_of(request), trigger=trigger)
        messages.success(request, f"{trigger.name} deleted.")
        return redirect("triggers:list")
    context = {
        "trigger": trigger,
        "poll": catalog.polled(trigger.key),
        "running": trigger.workflows.filter(status="active").count(),
        "integration": catalog.integration(trigger.provider),
        "set_up": state.of(trigger),
    }
    return render(request, "triggers/delete.html", context | SECTION)
