"""Workflows and their versions, and pausing."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from connections.admin.shared.acting import ActingPage
from connections.admin.shared.narrowed import NarrowedTo
from connections.admin.shared.payloads import as_json
from connections.admin.shared.scoped import LookOnlyInline, plainly
from connections.extension_points import health
from connections.web.staff import support_actor
from workflows.authoring import lifecycle
from workflows.models import Workflow, WorkflowVersion


class VersionInline(LookOnlyInline):
    """The published versions, with time and author."""

    model = WorkflowVersion
    fields = ["number", "published_at", "publisher"]
    publisher = plainly("published_by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowVersion]:
        rows: QuerySet[WorkflowVersion] = super().get_queryset(request)
        return rows.defer("definition").select_related("published_by", "workflow")


@admin.register(Workflow)
class WorkflowAdmin(ActingPage):
    """One trigger, conditions and steps each."""

    account_path = "workspace__account"
    list_display = ["name", "status", "workspace", "trigger", "created_at"]
    list_filter = [
        ("workspace__account", NarrowedTo),
        ("workspace", NarrowedTo),
        ("trigger", NarrowedTo),
        "status",
        "created_at",
    ]
    list_select_related = ["workspace", "trigger"]
    search_fields = ["name", "workspace__name"]
    search_help_text = "Name or workspace; or the full ID of a workflow, trigger or workspace."
    id_fields = ["pk", "trigger", "workspace"]
    heavy = ["draft"]
    fields = [
        *("id", "name", "workspace", "trigger", "status", "health", "pause_reason", "max_runs_per_minute"),
        *("published", "draft_shown", "created_at"),
    ]
    published = plainly("live")
    inlines = [VersionInline]
    actions = ["pause", "resume"]

    @admin.display(description="health")
    def health(self, row: Workflow) -> str:
        return health.of(row).in_words

    @admin.display(description="draft")
    def draft_shown(self, workflow: Workflow) -> SafeString:
        return as_json(workflow.draft)

    @admin.action(description="Pause", permissions=["pause"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Workflow]) -> None:
        self._turn(request, queryset, Workflow.Status.ACTIVE, Workflow.Status.PAUSED, "paused")

    @admin.action(description="Resume", permissions=["pause"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Workflow]) -> None:
        self._turn(request, queryset, Workflow.Status.PAUSED, Workflow.Status.ACTIVE, "resumed")

    def _turn(
        self, request: HttpRequest, rows: QuerySet[Workflow], before: str, after: str, done: str
    ) -> None:
        self.work_through(
            request,
            rows.select_related("workspace__account"),
            ready=Q(status=before),
            act=lambda workflow: lifecycle.set_status(
                actor=support_actor(request), workflow=workflow, status=after
            ),
            done=done,
            otherwise=f"only what is {before} can be {done}",
        )

    def has_pause_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("workflows.pause_workflow")
