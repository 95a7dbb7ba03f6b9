"""Workflows as files: handing one out, and taking one in."""

import json
import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods

from connections.models import Connection
from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.web import form_tokens
from workflows import catalog
from workflows.authoring import import_export
from workflows.catalog import Json
from workflows.models import Workflow
from workflows.pages.editor.beginning import choices
from workflows.pages.triggers.forms import WhichConnection, WhichTrigger
from workflows.pages.workflows.made_once import made_once
from workflows.pages.workflows.views import SECTION, get_workflow


@member
@require_GET
def export(request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
    """The draft as a file to keep, or to take in elsewhere."""
    workflow = get_workflow(request, workflow_id)
    body = json.dumps(import_export.of_workflow(workflow), indent=2, ensure_ascii=False)
    name = slugify(workflow.name)[:60] or "workflow"
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
    return HttpResponse(body, content_type="application/json; charset=utf-8", headers=headers)


class FileForm(forms.Form):
    """A file, or what is in it."""

    file = forms.FileField(
        required=False, label="File", widget=forms.FileInput(attrs={"accept": ".json,application/json"})
    )
    text = forms.CharField(
        required=False,
        label="Or paste JSON",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"}),
    )

    def content(self) -> bytes:
        file = self.cleaned_data.get("file")
        if file is not None:
            return bytes(file.read(import_export.LONGEST + 1))
        return str(self.cleaned_data.get("text", "")).encode(errors="replace")


class PlaceForm(forms.Form):
    """The trigger that starts the workflow, and a connection for each that the file names."""

    def __init__(self, *args: Any, found: Json, triggers: Any, connections: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.found = found
        kind = catalog.find_trigger(found["trigger"]["key"])
        self.fields["trigger"] = WhichTrigger(
            queryset=triggers,
            label="Trigger",
            empty_label="Choose a trigger",
            help_text=f"In the file: {found['trigger'].get('name') or ''} ({kind.name if kind else ''})",
        )
        for number, (name, asked) in enumerate(found["connections"].items()):
            self.fields[f"connection-{number}"] = WhichConnection(
                queryset=connections.filter(provider=asked["provider"]),
                label=f"Replace “{asked.get('label') or name}” with",
                empty_label="Choose a connection",
            )

    def chosen(self) -> dict[str, Connection]:
        return {
            name: self.cleaned_data[f"connection-{number}"]
            for number, name in enumerate(self.found["connections"])
        }

    def blame(self, problem: Problem) -> None:
        """Put what is wrong where it belongs."""
        names = list(self.found["connections"])
        for place, sentences in (problem.fields or {"file": [problem.message]}).items():
            name = place.partition(".")[2]
            field = f"connection-{names.index(name)}" if name in names else place
            known = field if field in self.fields else None
            for sentence in sentences:
                self.add_error(known, sentence if known else f"{place}: {sentence}")


@member
@require_http_methods(["GET", "POST"])
def bring_in(request: HttpRequest) -> HttpResponse:
    """Take a file; then ask for its trigger and connections; then make the draft."""
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "GET" or not form.is_valid():
        return _ask_for_file(request, form)
    try:
        found = import_export.read(form.content())
    except Problem as problem:
        for place, sentences in (problem.fields or {}).items():
            for sentence in sentences:
                form.add_error(None, sentence if place == "file" else f"{place}: {sentence}")
        return _ask_for_file(request, form)
    return _place(request, found)


def _ask_for_file(request: HttpRequest, form: FileForm) -> HttpResponse:
    context = {"form": form} | SECTION
    return render(request, "workflows/import.html", context, status=400 if form.errors else 200)


def _bring_in(request: HttpRequest, found: Json, form: PlaceForm) -> Workflow:
    """Raises Problem."""
    return import_export.bring_in(
        actor=actor_of(request),
        found=found,
        trigger=form.cleaned_data["trigger"],
        connections=form.chosen(),
    )


def _place(request: HttpRequest, found: Json) -> HttpResponse:
    connections, triggers = choices(request, found["trigger"]["key"])
    form = PlaceForm(
        request.POST if "placed" in request.POST else None,
        found=found,
        triggers=triggers,
        connections=connections,
    )
    if form.is_bound and form.is_valid():
        try:
            workflow = made_once(request, lambda: _bring_in(request, found, form))
        except Problem as problem:
            form.blame(problem)
        else:
            messages.success(request, "Imported as a draft. Publish it to start runs.")
            return redirect("workflows:edit", workflow.pk)
    # What was read is sent along again: nothing is kept here in between.
    context = {
        "form": form,
        "found": found,
        "once": form_tokens.key_in(request.POST) or form_tokens.new_key(),
        "text": json.dumps(found, ensure_ascii=False, separators=(",", ":")),
    }
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "workflows/import_place.html", context | SECTION, status=status)
