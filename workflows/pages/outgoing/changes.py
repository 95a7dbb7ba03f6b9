"""Changes to an endpoint: edit, pause, resume, a new secret, a test, delete."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from connections.web.access import here, member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.web import form_tokens
from core.web.edit_conflicts import Edit, parts_of
from workflows.models import Hook, Trigger
from workflows.outgoing import endpoints
from workflows.pages.outgoing.forms import HookForm, RotateForm
from workflows.pages.outgoing.views import SECTION, add_problem, get_hook, triggers_at


@member
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, hook_id: uuid.UUID) -> HttpResponse:
    hook = get_hook(request, hook_id)
    now = {name: getattr(hook, name) for name in ("name", "url", "events", "runs", "trigger")}
    triggers = triggers_at(here(request), hook.workspace_id)
    if hook.trigger is not None:
        # Also when it was deleted: saving the form must not widen the hook to every trigger.
        triggers |= Trigger.objects.filter(pk=hook.trigger.pk).select_related("workspace")
    edit = Edit(request, parts_of(HookForm(triggers=triggers, initial=now)))
    form = HookForm(edit.data, triggers=triggers, initial=now)
    if edit.may_store and form.is_valid():
        changes = {name: value for name, value in form.cleaned_data.items() if value != now[name]}
        try:
            endpoints.change(actor=actor_of(request), hook=hook, changes=changes)
        except Problem as problem:
            add_problem(form, problem)
        else:
            return redirect("hooks:detail", hook.pk)
    context = {"hook": hook, "form": form, "edit": edit} | SECTION
    return render(request, "hooks/edit.html", context, status=edit.status(form.errors))


@member
@require_POST
def pause(request: HttpRequest, hook_id: uuid.UUID) -> HttpResponse:
    words = "Paused. New messages are queued for up to 30 days."
    return _set_status(request, hook_id, Hook.Status.PAUSED, words)


@member
@require_POST
def resume(request: HttpRequest, hook_id: uuid.UUID) -> HttpResponse:
    return _set_status(
        request, hook_id, Hook.Status.ACTIVE, "Resumed. Queued messages are being sent in order."
    )


def _set_status(request: HttpRequest, hook_id: uuid.UUID, status: str, words: str) -> HttpResponse:
    hook = get_hook(request, hook_id)
    endpoints.change(actor=actor_of(request), hook=hook, changes={"status": status})
    messages.success(request, words)
    return redirect("hooks:detail", hook.pk)


@member
@never_cache
@require_http_methods(["GET", "POST"])
def rotate(request: HttpRequest, hook_id: uuid.UUID) -> HttpResponse:
    """A new signing secret; the answer to the form is the only page that ever shows it."""
    hook = get_hook(request, hook_id)
    sent = request.POST if request.method == "POST" else None
    once = form_tokens.key_in(request.GET if sent is None else sent)
    if sent is None and not once:
        return form_tokens.to_form(request)
    form = RotateForm(sent)
    if sent is not None and not once:
        form.add_error(None, form_tokens.INCOMPLETE)
    if form.is_valid():
        try:
            row, secret = endpoints.rotate(
                actor=actor_of(request), hook=hook, form_key=once, **form.cleaned_data
            )
        except Problem as problem:
            messages.warning(request, problem.message)
            return redirect("hooks:detail", hook.pk)
        before = hook.secrets.exclude(pk=row.pk).first()
        context = {"hook": hook, "whole": secret, "before": before} | SECTION
        return render(request, "hooks/secret.html", context)
    context = {
        "hook": hook,
        "form": form,
        "once": once or form_tokens.new_key(),
        "rotating": hook.secrets.filter(expires_at__isnull=False).first(),
    }
    return render(request, "hooks/rotate.html", context | SECTION, status=400 if form.errors else 200)


@member
@require_POST
def test(request: HttpRequest, hook_id: uuid.UUID) -> HttpResponse:
    """Send a message that says that it is a test."""
    hook = get_hook(request, hook_id)
    try:
        delivery = endpoints.send_test(actor=actor_of(request), hook=hook)
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("hooks:detail", hook.pk)
    return redirect("hooks:delivery", hook.pk, delivery.id)


@member
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, hook_id: uuid.UUID) -> HttpResponse:
    """Ask first, then send it nothing more."""
    hook = get_hook(request, hook_id)
    if request.method == "POST":
        endpoints.delete(actor=actor_of(request), hook=hook)
        messages.success(request, f"{hook.name} deleted.")
        return redirect("hooks:list")
    waiting = hook.deliveries.filter(status="waiting")[:1001].count()
    return render(request, "hooks/delete.html", {"hook": hook, "waiting": waiting} | SECTION)
