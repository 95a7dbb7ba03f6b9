"""Forms that make a workflow: sent twice, they lead to the one that was made."""

from collections.abc import Callable

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from connections.web.actor_of_request import actor_of
from core.web import form_tokens
from workflows.models import Workflow


def made_once(request: HttpRequest, make: Callable[[], Workflow]) -> Workflow:
    """Return the result of `make`, or the earlier one if the form was sent before (core.web.form_tokens)."""
    once = form_tokens.key_in(request.POST)
    if not once:
        return make()
    made = Workflow.objects.visible_to(actor_of(request)).filter(form_key=once)
    if before := made.first():
        messages.info(request, "Already submitted – showing the existing draft.")
        return before
    try:
        with transaction.atomic():
            workflow = make()
            Workflow.objects.filter(pk=workflow.pk).update(form_key=once)
    except IntegrityError:  # the same form at the same moment, or nothing to do with it
        if (twin := made.first()) is None:
            raise
        return twin
    return workflow
