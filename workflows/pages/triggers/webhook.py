"""The webhook that a trigger keeps itself: having it set up, and having its secret rotated."""

import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.web.actions import perform
from workflows.pages.triggers.views import get_trigger
from workflows.subscriptions import requests


@member
@require_POST
def set_up(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    words = "Creating the webhook. This page shows the progress."
    return _ask(request, trigger_id, requests.set_up, words)


@member
@require_POST
def rotate(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponse:
    words = "Rotating the secret: a second webhook is created and replaces the first once confirmed."
    return _ask(request, trigger_id, requests.rotate, words)


def _ask(request: HttpRequest, trigger_id: uuid.UUID, wish: Callable[..., Any], words: str) -> HttpResponse:
    trigger = get_trigger(request, trigger_id)
    perform(request, lambda: wish(actor=actor_of(request), trigger=trigger), words)
    return redirect("triggers:detail", trigger.pk)
