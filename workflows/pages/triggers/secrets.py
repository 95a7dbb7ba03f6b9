"""The signing secrets of a trigger: adding one, and retiring one that is no longer used."""

import uuid
from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.db import clock
from core.errors import Problem
from workflows import catalog
from workflows.inbox import secrets
from workflows.pages.triggers.forms import SecretForm
from workflows.pages.triggers.views import SECTION, get_trigger, show

_JUST_NOW = timedelta(minutes=15)


@member
@never_cache
@sensitive_post_parameters("secret")
@sensitive_variables("form")
@require_POST
def add(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    """Add a secret, verify the held deliveries with it at once, and show the result."""
    trigger = get_trigger(request, trigger_id)
    form = SecretForm(request.POST)
    if form.is_valid():
        try:
            _, verdicts = secrets.add_secret(actor=actor_of(request), trigger=trigger, **form.cleaned_data)
        except Problem as problem:
            form.add_error("secret", problem.message)
        else:
            _tell(request, verdicts)
            return redirect("triggers:detail", trigger.pk)
    return show(request, trigger, form)


def _tell(request: HttpRequest, verdicts: dict[str, int]) -> None:
    refused = verdicts.get("refused", 0)
    taken = sum(verdicts.values()) - refused
    if refused and not taken:
        were = "1 held delivery was" if refused == 1 else f"{refused} held deliveries were"
        messages.error(request, f"{were} not signed with this secret. Copy it again.")
    elif taken:
        was = "1 held delivery was" if taken == 1 else f"{taken} held deliveries were"
        messages.success(request, f"Secret saved; {was} signed with it.")
    else:
        messages.success(request, "Secret saved.")


@member
@require_http_methods(["GET", "POST"])
def retire(request: HttpRequest, trigger_id: uuid.UUID, secret_id: uuid.UUID) -> HttpResponse:
    """Ask for confirmation, with what it would break; then retire the secret, so that its signatures are refused."""
    trigger = get_trigger(request, trigger_id)
    active = trigger.secrets.filter(retired_at__isnull=True)
    secret = active.select_related("trigger__connection__workspace__account").filter(pk=secret_id).first()
    if secret is None:
        raise Http404
    if request.method == "POST":
        secrets.retire_secret(actor=actor_of(request), secret=secret)
        messages.success(request, "Secret deleted.")
        return redirect("triggers:detail", trigger.pk)
    context = {
        "trigger": trigger,
        "secret": secret,
        "is_last": active.count() == 1,
        "in_use": secret.last_seen_at is not None and clock.now() - secret.last_seen_at < _JUST_NOW,
        "integration": catalog.integration(trigger.provider),
    }
    return render(request, "triggers/retire.html", context | SECTION)
