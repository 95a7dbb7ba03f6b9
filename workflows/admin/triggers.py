"""Triggers: their state, when their secrets were last used, and pausing."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from connections.admin.shared.acting import ActingPage
from connections.admin.shared.narrowed import NarrowedTo
from connections.admin.shared.scoped import LookOnlyInline
from connections.extension_points import health
from connections.web.staff import support_actor
from core.errors import in_words
from workflows.deadlines import state as deadline_state
from workflows.models import Trigger, TriggerSecret
from workflows.subscriptions import state
from workflows.triggers import lifecycle


class SecretInline(LookOnlyInline):
    """Signing secrets: when, never what."""

    model = TriggerSecret
    fields = ["created_at", "last_seen_at", "retired_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TriggerSecret]:
        rows: QuerySet[TriggerSecret] = super().get_queryset(request)
        return rows.defer("secret")


@admin.register(Trigger)
class TriggerAdmin(ActingPage):
    """Incoming URLs. A pasted URL's id finds its trigger; the URL itself is not shown."""

    account_path = "workspace__account"
    list_display = ["name", "status", "key", "workspace", "connection", "confirmed_at", "created_at"]
    list_filter = [
        ("workspace__account", NarrowedTo),
        ("workspace", NarrowedTo),
        ("connection", NarrowedTo),
        "status",
        "created_at",
    ]
    list_select_related = ["workspace", "connection"]
    search_fields = ["name", "key__exact", "workspace__name"]
    search_help_text = (
        "Name, key or workspace; or the full ID of a trigger, its URL, connection or workspace."
    )
    id_fields = ["pk", "token", "connection", "workspace"]
    fields = [
        *("id", "name", "key", "workspace", "connection", "status", "health"),
        *(
            "redact",
            "options",
            "held_deliveries",
            "watching",
            "deadlines",
            "webhook",
            "confirmed_at",
            "created_at",
            "deleted_at",
        ),
    ]
    inlines = [SecretInline]
    actions = ["pause", "resume"]

    @admin.display(description="health")
    def health(self, row: Trigger) -> str:
        return health.of(row).in_words

    @admin.display(description="held deliveries")
    def held_deliveries(self, trigger: Trigger) -> int:
        return trigger.held.count()

    @admin.display(description="watching")
    def watching(self, trigger: Trigger) -> str:
        """The state of a polled trigger's watch."""
        watch = getattr(trigger, "watch", None)
        if watch is None:
            return "–"
        said = f"{watch.watched}: {watch.present}; last poll {watch.looked_at}, next {watch.next_look_at}"
        return f"{said}; {in_words(watch.trouble)}" if watch.trouble else said

    @admin.display(description="deadlines")
    def deadlines(self, trigger: Trigger) -> str:
        found = deadline_state.of(trigger)
        if found is None:
            return "–"
        said = f"{found.open} open, next {found.next_due_at}; last passed {found.passed_at}"
        return f"{said}; {in_words(found.trouble)}" if found.trouble else said

    @admin.display(description="webhook")
    def webhook(self, trigger: Trigger) -> str:
        return state.of(trigger).words

    @admin.action(description="Pause", permissions=["pause"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Trigger]) -> None:
        self._turn(request, queryset, Trigger.Status.ACTIVE, Trigger.Status.PAUSED, "paused")

    @admin.action(description="Resume", permissions=["pause"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Trigger]) -> None:
        self._turn(request, queryset, Trigger.Status.PAUSED, Trigger.Status.ACTIVE, "resumed")

    def _turn(
        self, request: HttpRequest, rows: QuerySet[Trigger], before: str, after: str, done: str
    ) -> None:
        self.work_through(
            request,
            rows.select_related("connection__workspace__account"),
            ready=Q(status=before, deleted_at__isnull=True),
            act=lambda trigger: lifecycle.change(
                actor=support_actor(request), trigger=trigger, changes={"status": after}
            ),
            done=done,
            otherwise=f"only what is {before} can be {done}",
        )

    def has_pause_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("workflows.pause_trigger")
