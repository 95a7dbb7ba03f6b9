"""Trying an action: a form made from its schema, which leads to the page of the call it makes."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from connections.models import Connection
from connections.pages.connecting.connections import get_connection
from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from core.request_slots import provider_slot
from core.web import form_tokens
from workflows import catalog
from workflows.calls import lookups, pipeline, provider_access
from workflows.catalog import ActionType
from workflows.formatting import error_hints
from workflows.forms.action import ActionForm
from workflows.models import ActionCall

_SECTION = {"section": "connections"}
_SHORT = 300


@member
@require_http_methods(["GET", "POST"])
def try_action(request: HttpRequest, connection_id: uuid.UUID, provider: str, action: str) -> HttpResponse:
    """The form; sending it uses the connection once and leads to the page of that call."""
    connection = get_connection(request, connection_id)
    try:
        kind = pipeline.find(connection, f"{provider}/{action}")
    except Problem:
        raise Http404 from None
    if request.method == "POST":
        return _run(request, connection, kind)
    once = form_tokens.key_in(request.GET)
    if not once:
        return form_tokens.to_form(request)
    again = _earlier(request, connection, kind)
    given = again.input if again else {name: value[:_SHORT] for name, value in request.GET.items()}
    try:
        provider_access.check_usable(connection, kind.scope, needed_by=f"“{kind.name}”")
    except Problem as problem:
        return _page(request, connection, kind, form=None, problem=problem)
    return _page(request, connection, kind, form=ActionForm(kind, initial=given), once=once, again=again)


def _earlier(request: HttpRequest, connection: Connection, action: ActionType) -> ActionCall | None:
    """The call that `?again=` names, to begin with what was entered there. Raises Http404."""
    asked = request.GET.get("again", "")
    if not asked:
        return None
    try:
        found = ActionCall.objects.visible_to(actor_of(request)).filter(pk=uuid.UUID(asked)).defer("output")
    except ValueError:
        raise Http404 from None
    call = found.filter(connection=connection, action=action.key).first()
    if call is None:
        raise Http404
    return call


def _run(request: HttpRequest, connection: Connection, action: ActionType) -> HttpResponse:
    form = ActionForm(action, request.POST)
    once = form_tokens.key_in(request.POST)
    if not once:
        form.add_error(None, form_tokens.INCOMPLETE)
    if not form.is_valid():
        return _page(request, connection, action, form=form, once=once, status=400)
    actor = actor_of(request)
    # A form does what it says once: sent again, it leads to the call it has made.
    key = f"try-{actor.user_id}-{once}"
    repeated = ActionCall.objects.filter(connection=connection, idempotency_key=key).exists()
    try:
        # Without a slot the workers do it, and the page waits for them.
        with provider_slot(connection.workspace_id, connection.pk) as free:
            call = pipeline.call_action(
                actor=actor,
                connection=connection,
                action_key=action.key,
                data=form.input,
                origin=ActionCall.Origin.PERSON,
                idempotency_key=key,
                start=free,
            )
    except Problem as problem:
        return _refused(request, connection, action, form, once, problem)
    if repeated:
        messages.info(request, "Already submitted – showing the existing result.")
    return redirect("actions:call", call.pk)


def _refused(
    request: HttpRequest,
    connection: Connection,
    action: ActionType,
    form: ActionForm,
    once: str,
    problem: Problem,
) -> HttpResponse:
    """The form again, with what was entered. One that was changed after it was sent gets a key of its own."""
    if problem.code != "idempotency_key_reused":
        return _page(
            request, connection, action, form=form, once=once, problem=problem, status=problem.status
        )
    return _page(request, connection, action, form=form, earlier=problem.detail["id"], status=409)


def _page(
    request: HttpRequest,
    connection: Connection,
    action: ActionType,
    *,
    form: ActionForm | None,
    once: str = "",
    problem: Problem | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    integration = catalog.integration(connection.provider)
    if form is not None:
        actor = actor_of(request)
        form.offer(
            lookups.asker(actor=actor, connection=connection),
            own_address=connection.default_from or actor.label,
        )
    context = {
        "connection": connection,
        "provider": integration,
        "action": action,
        "form": form,
        "parts": form.parts() if form is not None else {},
        "once": once or form_tokens.new_key(),
        "problem": problem,
        "hint": error_hints.for_error(problem, integration) if problem else None,
        **more,
    }
    return render(request, "actions/form.html", context | _SECTION, status=status)
