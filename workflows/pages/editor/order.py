"""The order of a draft's steps: move and remove."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.errors import Problem
from workflows.authoring import drafts, lifecycle
from workflows.models import Workflow
from workflows.pages.editor.steps import get_step
from workflows.pages.editor.views import as_seen, get_draft

_PLACE = re.compile(r"[0-9]{1,2}")


@member
@require_POST
def move(request: HttpRequest, workflow_id: uuid.UUID, key: str, by: int) -> HttpResponse:
    """by: -1 for earlier, 1 for later."""
    workflow = get_draft(request, workflow_id)
    get_step(workflow, key)
    _rearrange(request, workflow, lambda draft: drafts.moved(draft, key, by))
    return redirect("workflows:edit", workflow.pk)


@member
@require_POST
def place(request: HttpRequest, workflow_id: uuid.UUID, key: str) -> HttpResponse:
    """`place`: where it was dropped, counted from 0."""
    workflow = get_draft(request, workflow_id)
    name = get_step(workflow, key).get("name") or key
    wanted = request.POST.get("place", "")
    if not _PLACE.fullmatch(wanted):
        return HttpResponse("place must be a number from 0 to 99.", status=400, content_type="text/plain")
    if _rearrange(request, workflow, lambda draft: drafts.moved_to(draft, key, int(wanted))):
        messages.success(request, f"{name} is moved.")
    return redirect("workflows:edit", workflow.pk)


@member
@require_POST
def remove(request: HttpRequest, workflow_id: uuid.UUID, key: str) -> HttpResponse:
    workflow = get_draft(request, workflow_id)
    name = get_step(workflow, key).get("name") or key
    if _rearrange(request, workflow, lambda draft: drafts.without_step(draft, key)):
        messages.success(request, f"{name} is removed from the draft.")
    return redirect("workflows:edit", workflow.pk)


def _rearrange(request: HttpRequest, workflow: Workflow, change: Callable[[Any], Any]) -> bool:
    """Store the draft also where other steps have to be mended now: the editor says which."""
    try:
        lifecycle.edit(
            actor=actor_of(request),
            workflow=workflow,
            change=lambda draft: change(as_seen(request, draft)),
            refuse=lambda detail: False,
        )
    except Problem as problem:
        messages.error(request, problem.message)
        return False
    return True
