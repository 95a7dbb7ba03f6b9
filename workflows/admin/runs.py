"""Runs and their steps: to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from connections.admin.shared.narrowed import NarrowedTo
from connections.admin.shared.payloads import as_error
from connections.admin.shared.scoped import LookOnlyInline, ScopedPage, plainly
from workflows.models import Run, StepRun
from workflows.queue import waiting


class StepInline(LookOnlyInline):
    """The steps of the run; input and output are on its call."""

    model = StepRun
    fields = ["position", "key", "action", "status", "call", "error_shown", "started_at", "finished_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StepRun]:
        rows: QuerySet[StepRun] = super().get_queryset(request)
        return rows.select_related("call").defer("call__input", "call__output")

    @admin.display(description="error")
    def error_shown(self, step: StepRun) -> SafeString:
        return as_error(step.error)


@admin.register(Run)
class RunAdmin(ScopedPage):
    """One execution each, newest first."""

    account_path = "workspace__account"
    list_display = [
        "created_at",
        "status",
        "workflow",
        "lane",
        "workspace",
        "position",
        "replay",
        "finished_at",
    ]
    list_filter = [
        ("workspace__account", NarrowedTo),
        ("workspace", NarrowedTo),
        ("workflow", NarrowedTo),
        ("event", NarrowedTo),
        "status",
    ]
    list_select_related = ["workspace", "workflow"]
    search_fields = ["lane__exact", "workflow__name"]
    search_help_text = "Workflow; or the full ID of a run, event, incident, workflow or workspace."
    id_fields = ["id", "event__id", "workflow", "workspace"]
    date_hierarchy = "created_at"
    ordering = ["-created_at", "-seq"]
    sortable_by = []
    heavy = ["error", "workflow__draft"]
    fields = [
        *(
            "id",
            "workflow",
            "number",
            "event",
            "replay",
            "lane",
            "workspace",
            "status",
            "waiting_for",
            "position",
            "blocked_on",
            "pause_reason",
            "depth",
        ),
        *("error_shown", "claims", "due_at", "lease_until", "created_at", "started_at", "finished_at"),
    ]
    number = plainly("version")
    inlines = [StepInline]

    @admin.display(description="waiting for", empty_value="–")
    def waiting_for(self, run: Run) -> str | None:
        """The sentence that the run's page shows. Its time, if it has one, is `due_at`."""
        why = waiting.of([run]).get(run.pk)
        return why.message if why else None

    @admin.display(description="error")
    def error_shown(self, run: Run) -> SafeString:
        return as_error(run.error)
