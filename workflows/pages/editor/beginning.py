"""Creation of a workflow: on a trigger that is there or a new one, empty or as one of the provider's recipes."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from connections.models import Connection
from connections.tenancy.actor import Actor
from connections.web.access import here, member
from connections.web.actor_of_request import actor_of
from connections.web.forms import Line
from core.errors import Problem
from core.web import form_tokens
from workflows import catalog
from workflows.authoring import drafts, lifecycle
from workflows.catalog import Recipe, TriggerType
from workflows.models import Trigger, Workflow
from workflows.pages.triggers.forms import WhichConnection, WhichTrigger, in_groups
from workflows.pages.workflows.made_once import made_once
from workflows.triggers import lifecycle as triggers

_SECTION = {"section": "workflows"}
_MOST = 300


def _can_be_new(kind: TriggerType, recipe: Recipe | None) -> bool:
    """Return whether a trigger of that type can be made for the recipe, with the options that it comes with."""
    required = set(catalog.options_schema(kind.key)["required"])
    return required <= recipe.options.keys() and kind.key == recipe.trigger if recipe else not required


class WorkflowForm(forms.Form):
    """The name and the trigger of a new workflow: an existing trigger, or a new one for an event of a connection."""

    name = Line(max_length=120, label="Name", help_text="For example “Runbook note for Payments”.")
    trigger = WhichTrigger(
        queryset=Trigger.objects.none(),
        required=False,
        label="Trigger",
        empty_label="Create new trigger",
    )
    event = forms.ChoiceField(required=False, label="Event")
    connection = WhichConnection(
        queryset=Connection.objects.none(),
        required=False,
        label="Connection",
        empty_label="Choose a connection",
    )

    def __init__(
        self,
        *args: Any,
        triggers: QuerySet[Trigger],
        connections: QuerySet[Connection],
        recipe: Recipe | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["trigger"].queryset = triggers  # type: ignore[attr-defined]
        self.fields["connection"].queryset = connections  # type: ignore[attr-defined]
        self.fields["event"].choices = in_groups(  # type: ignore[attr-defined]
            lambda kind: kind.name, lambda kind: _can_be_new(kind, recipe)
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and not data.get("trigger") and not data.get("connection"):
            self.add_error("connection", "Choose a connection for the new trigger.")
        if not self.errors and not data.get("trigger") and not data.get("event"):
            self.add_error("event", "Choose an event for the new trigger.")
        return data


@member
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Make a draft; the editor then asks for the rest. `?trigger=` preselects one, `?recipe=` begins with one."""
    recipe = _recipe(request)
    usable, listening = choices(request, recipe.trigger if recipe else None)
    known = list(listening[:2])
    initial = {
        "trigger": request.GET.get("trigger") or (known[0] if len(known) == 1 else None),
        "connection": None if known else usable.first(),
        "name": recipe.name if recipe else "",
    }
    form = WorkflowForm(
        request.POST or None, triggers=listening, connections=usable, recipe=recipe, initial=initial
    )
    if request.method == "POST" and form.is_valid():
        try:
            workflow = made_once(request, lambda: _begin(actor_of(request), form.cleaned_data, recipe))
        except Problem as problem:
            form.add_error("connection", problem.message)
        else:
            if recipe:
                messages.success(
                    request, "The draft is made. What is listed below is left for you to fill in."
                )
            return redirect("workflows:edit", workflow.pk)
    context = {
        "form": form,
        "recipe": recipe,
        "recipes": [one for integration in catalog.integrations() for one in integration.recipes.values()],
        "once": form_tokens.key_in(request.POST) or form_tokens.new_key(),
        "new_trigger": not known or bool(form.errors),
        "made_before": [
            kind.name
            for integration in catalog.integrations()
            for key, kind in integration.triggers.items()
            if catalog.options_schema(key)["required"] and recipe is None
        ],
        "possible": usable.exists() or listening.exists(),
    }
    return render(request, "editor/add.html", context | _SECTION, status=400 if form.errors else 200)


def _recipe(request: HttpRequest) -> Recipe | None:
    asked = request.GET.get("recipe", "")
    recipe = catalog.find_recipe(asked) if asked else None
    if asked and recipe is None:
        raise Http404
    return recipe


def choices(request: HttpRequest, kind: str | None) -> tuple[QuerySet[Connection], QuerySet[Trigger]]:
    """The connections of the place and its triggers of that kind, so many that a list of them can be shown."""
    live = Connection.objects.at(here(request)).exclude(status=Connection.Status.REVOKED)
    listening = Trigger.objects.at(here(request)).filter(deleted_at=None)
    if kind is not None:
        listening = listening.filter(key=kind)
    connections = Connection.objects.filter(pk__in=list(live.values_list("pk", flat=True)[:_MOST]))
    shown = Trigger.objects.filter(pk__in=list(listening.values_list("pk", flat=True)[:_MOST]))
    return (
        connections.select_related("workspace").order_by("label", "id"),
        shown.select_related("workspace").order_by("name", "id"),
    )


@transaction.atomic
def _begin(actor: Actor, data: dict[str, Any], recipe: Recipe | None) -> Workflow:
    """Raises Problem (connection_revoked)."""
    trigger = data["trigger"] or triggers.create(
        actor=actor,
        connection=data["connection"],
        key=data["event"],
        name="",
        options=recipe.options if recipe else None,
    )
    workflow = lifecycle.create(
        actor=actor, trigger=trigger, name=data["name"], definition=drafts.EMPTY, unfinished=True
    )
    if recipe is not None:
        made = recipe.definition(trigger.connection_id)
        lifecycle.edit(actor=actor, workflow=workflow, change=lambda draft: made, refuse=lambda detail: False)
    return workflow
