"""Settings → Data: how long the agency keeps what happened, and what was deleted by that."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from connections.accounts import retention
from connections.web.access import here, member, needs
from connections.web.actor_of_request import actor_of
from connections.web.current_scope import Place
from connections.web.forms import RetentionForm
from core.web.edit_conflicts import Edit, parts_of
from core.web.pagination import page_of
from workflows.models import RetentionStatement

_SECTION = {"section": "data"}
_KINDS = ("events", "runs", "steps", "calls", "deliveries", "replays")


@member
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """The setting, and what went on each day from the workspaces that the person looks at."""
    context = {"page": page_of(request, _days(here(request))), "days": here(request).account.retention_days}
    return render(request, "data/overview.html", context | _SECTION)


def _days(place: Place) -> QuerySet[Any, Any]:
    """A row for each day, the sum of those of its workspaces."""
    return (
        RetentionStatement.objects.at(place)
        .values("day")
        .annotate(
            **{kind: Sum(kind) for kind in _KINDS},
            before=Max("cutoff"),
            began=Min("started_at"),
            ended=Max("finished_at"),
            under_way=Count("pk", filter=Q(finished_at__isnull=True)),
        )
        .order_by("-day")
    )


@needs("data:manage")
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """Fewer days than now want a tick: what is older goes for good."""
    account = here(request).account
    edit = Edit(request, parts_of(RetentionForm(now=account.retention_days)))
    form = RetentionForm(edit.data, now=account.retention_days)
    if edit.may_store and form.is_valid():
        days = form.cleaned_data["days"]
        retention.change(actor=actor_of(request), account=account, days=days)
        messages.success(request, f"Saved. Data older than {days} days is deleted.")
        return redirect("data:overview")
    context = {"form": form, "edit": edit, "days": account.retention_days} | _SECTION
    return render(request, "data/change.html", context, status=edit.status(form.errors))
