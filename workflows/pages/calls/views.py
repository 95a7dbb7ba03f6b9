"""The calls of a connection, and the page of one."""

import uuid
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from connections.pages.connecting.connections import get_connection
from connections.web.access import member
from connections.web.actor_of_request import actor_of
from core.web.pagination import page_of
from workflows import catalog
from workflows.models import ActionCall
from workflows.presenters import call as call_page
from workflows.presenters import call_chart, call_history

_SECTION = {"section": "connections"}
_ANY = ("", "All")
_ORIGINS = {"person": "Person", "api": "API", "step": "Workflow"}


class Filters(forms.Form):
    """All optional."""

    status = forms.ChoiceField(choices=[_ANY, *ActionCall.Status.choices], required=False, label="Status")
    origin = forms.ChoiceField(choices=[_ANY, *_ORIGINS.items()], required=False, label="Source")
    action = forms.ChoiceField(required=False, label="Action")

    def __init__(self, data: Any, *, provider: str) -> None:
        super().__init__(data)
        known = catalog.integration(provider).actions.values()
        choices = [_ANY, *((action.key, action.name) for action in known)]
        self.fields["action"].choices = choices  # type: ignore[attr-defined]

    def narrow(self, calls: QuerySet[ActionCall]) -> QuerySet[ActionCall]:
        """Only what was asked for; a field that could not be understood narrows to nothing."""
        if not self.is_valid():
            return calls.none()
        return calls.filter(**{name: value for name, value in self.cleaned_data.items() if value})


@member
@never_cache
@require_GET
def history(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    """Every use of the connection, newest first, with the chart of the last days."""
    connection = get_connection(request, connection_id)
    filters = Filters(request.GET, provider=connection.provider)
    asked = any(request.GET.get(name) for name in filters.fields)
    context = {
        "connection": connection,
        "filters": filters,
        "asked": asked,
        "page": page_of(request, filters.narrow(call_history.of_connection(connection))),
        "chart": call_chart.of_days(call_history.days_of(connection)),
    }
    return render(request, "calls/list.html", context | _SECTION, status=400 if filters.errors else 200)


def _visible(request: HttpRequest) -> QuerySet[ActionCall]:
    return ActionCall.objects.visible_to(actor_of(request))


@member
@never_cache
@require_GET
def detail(request: HttpRequest, call_id: uuid.UUID) -> HttpResponse:
    """One call: how far it is, what went in, and what came out."""
    related = ("connection__workspace__account", "user", "api_key", "step_run__run__workflow")
    call = _visible(request).select_related(*related).filter(pk=call_id).first()
    if call is None:
        raise Http404
    return render(request, "calls/detail.html", call_page.context_of(call) | _SECTION)


@member
@never_cache
@require_GET
def progress(request: HttpRequest, call_id: uuid.UUID) -> HttpResponse:
    """For the page to ask again and again: 204 while nothing has changed since `?seen=`, then "load it anew"."""
    call = _visible(request).only("status", "attempts").filter(pk=call_id).first()
    if call is None:
        raise Http404
    if request.GET.get("seen") == call_page.seen(call):
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})
