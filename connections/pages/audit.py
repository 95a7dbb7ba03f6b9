"""The audit log: Settings → Audit log for the agency, the same for one connection, and both as CSV."""

import csv
import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import structlog
from django import forms
from django.db import DatabaseError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from connections.audit import labels
from connections.models import Account, AuditEvent, Connection, Workspace
from connections.pages.connecting.connections import get_connection
from connections.web.access import here, member, needs
from core.text.search import search
from core.web.date_fields import Day, midnight
from core.web.pagination import page_of

log = structlog.get_logger(__name__)

_MOST_CHOICES = 300
_MOST_ROWS = 100_000
_ROWS_AT_ONCE = 1_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = [
    "Time (UTC)",
    "Actor",
    "Kind",
    "Event",
    "Action",
    "Workspace",
    "Connection",
    "Resource",
    "IP address",
    "Details",
]


class Filters(forms.Form):
    """All optional; a date is a day in the reader's zone, both ends included."""

    person = forms.CharField(max_length=254, required=False, label="Actor")
    connection = forms.ModelChoiceField(
        queryset=Connection.objects.none(), required=False, label="Connection", empty_label="any"
    )
    action = forms.ChoiceField(required=False, label="Action")
    since = Day(required=False, label="From")
    until = Day(required=False, label="To")

    def __init__(self, data: Any, *, account: Account, connection: Connection | None) -> None:
        super().__init__(data)
        self.fields["action"].choices = [("", "any"), *labels.known()]  # type: ignore[attr-defined]
        if connection is not None:
            del self.fields["connection"]
        else:
            newest = Connection.objects.filter(workspace__account=account)[:_MOST_CHOICES]
            keys = list(newest.values_list("pk", flat=True))
            choices = Connection.objects.filter(pk__in=keys).order_by("label")
            self.fields["connection"].queryset = choices  # type: ignore[attr-defined]

    def narrow(self, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        """The events that match the filters; none if a filter is invalid."""
        if not self.is_valid():
            return events.none()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        wanted: dict[str, Any] = {name: asked[name] for name in ("connection", "action") if name in asked}
        if "person" in asked:
            events = events.filter(search("actor_label", asked["person"]))
        if "since" in asked:
            wanted["created_at__gte"] = midnight(asked["since"])
        if "until" in asked:
            wanted["created_at__lt"] = midnight(asked["until"] + timedelta(days=1))
        return events.filter(**wanted)


@needs("audit:read")
@require_GET
def of_agency(request: HttpRequest) -> HttpResponseBase:
    place = here(request)
    events = AuditEvent.objects.filter(account=place.account)
    if place.workspace is not None:
        events = events.filter(workspace=place.workspace)
    return _answer(request, events, place.account, None, place.workspace)


@member
@require_GET
def of_connection(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponseBase:
    connection = get_connection(request, connection_id)
    events = AuditEvent.objects.filter(connection=connection)
    return _answer(request, events, connection.workspace.account, connection)


def _answer(
    request: HttpRequest,
    events: QuerySet[AuditEvent],
    account: Account,
    connection: Connection | None,
    workspace: Workspace | None = None,
) -> HttpResponseBase:
    filters = Filters(request.GET or {}, account=account, connection=connection)
    events = filters.narrow(events).select_related("workspace", "connection")
    if request.GET.get("format") == "csv" and not filters.errors:
        return _csv(events)
    asked = request.GET.copy()
    for name in ("page", "format"):
        asked.pop(name, None)
    context = {
        "filters": filters,
        "page": page_of(request, events),
        "connection": connection,
        "workspace": workspace,
        "asked": asked.urlencode(),
        "list_url": request.path,
        "section": "connections" if connection else "audit",
    }
    return render(request, "connections/audit.html", context, status=400 if filters.errors else 200)


class _Echo:
    """A file for csv.writer that returns each line."""

    def write(self, line: str) -> str:
        return line


def _csv(events: QuerySet[AuditEvent]) -> StreamingHttpResponse:
    """Streamed, newest first, at most 100,000 rows; the last line says so when there are more, or it broke off."""
    writer = csv.writer(_Echo())

    def lines() -> Iterator[str]:
        yield "\ufeff" + str(writer.writerow(_COLUMNS))
        try:
            for number, event in enumerate(_in_parts(events)):
                if number == _MOST_ROWS:
                    yield str(
                        writer.writerow([f"Truncated after {_MOST_ROWS} rows. Choose a shorter date range."])
                    )
                    return
                yield str(writer.writerow(_safe(_cells(event))))
        except DatabaseError:
            log.exception("audit_export_broke_off")
            yield str(writer.writerow(["Incomplete: the database did not respond. Export again."]))

    name = f"audit-{timezone.localdate().isoformat()}.csv"
    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _in_parts(events: QuerySet[AuditEvent]) -> Iterator[AuditEvent]:
    """Yield all of them, read a part at a time: while a reader takes one, others have the database connection."""
    behind = Q()
    while True:
        part = list(events.filter(behind)[:_ROWS_AT_ONCE])
        yield from part
        if len(part) < _ROWS_AT_ONCE:
            return
        last = part[-1]  # by AuditEvent's ordering; the first condition is what the index is read by
        behind = Q(created_at__lte=last.created_at) & (Q(created_at__lt=last.created_at) | Q(pk__gt=last.pk))


def _cells(event: AuditEvent) -> list[str]:
    return [
        event.created_at.strftime("%Y-%m-%d %H:%M:%S"),
        event.actor_label,
        event.actor_kind,
        labels.words_for(event.action),
        event.action,
        event.workspace.name if event.workspace else "",
        event.connection.label if event.connection else "",
        event.target,
        event.ip or "",
        json.dumps(event.detail, ensure_ascii=False) if event.detail else "",
    ]


def _safe(cells: Iterable[str]) -> list[str]:
    """Return cells that no spreadsheet takes for a formula, for any name of a connection."""
    return [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]
