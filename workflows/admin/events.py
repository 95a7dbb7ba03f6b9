"""Events: what came in, and another round for what could not be read."""

from django.contrib import admin
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from connections import audit
from connections.admin.shared.acting import ActingPage
from connections.admin.shared.narrowed import NarrowedTo
from connections.admin.shared.payloads import as_json
from connections.web.staff import support_actor
from core.errors import Problem
from workflows.inbox import events
from workflows.models import Event


@admin.register(Event)
class EventAdmin(ActingPage):
    """Accepted deliveries, newest first."""

    account_path = "workspace__account"
    list_display = [
        "received_at",
        "status",
        "event_type",
        "lane",
        "workspace",
        "trigger",
        "attempts",
        "is_test",
    ]
    list_filter = [
        ("workspace__account", NarrowedTo),
        ("workspace", NarrowedTo),
        ("trigger", NarrowedTo),
        "status",
        "is_test",
    ]
    list_select_related = ["workspace", "trigger"]
    search_fields = ["external_id__exact", "lane__exact", "event_type__exact"]
    search_help_text = "Full ID of an event, incident, trigger or workspace, or an event type."
    id_fields = ["id", "trigger", "workspace"]
    date_hierarchy = "received_at"
    ordering = ["-received_at", "-seq"]
    sortable_by = []
    heavy = ["body"]
    fields = [
        *("id", "event_type", "external_id", "lane", "workspace", "trigger", "is_test", "source"),
        *("status", "attempts", "lease_until", "error", "received_at", "payload_shown"),
    ]
    actions = ["requeue"]

    @admin.display(description="payload")
    def payload_shown(self, event: Event) -> SafeString:
        return as_json(event.payload)

    @admin.action(description="Retry failed events", permissions=["requeue"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        def again(event: Event) -> None:
            with transaction.atomic():
                if not events.requeue(event):
                    raise Problem("event_not_failed", "It is no longer failed.", status=409)
                connection = event.trigger.connection
                audit.record(
                    support_actor(request), "event.requeued", connection=connection, target=str(event.id)
                )

        self.work_through(
            request,
            queryset.select_related("trigger__connection__workspace__account"),
            ready=Q(status=Event.Status.FAILED),
            act=again,
            done="re-queued",
            otherwise="only failed events can be retried",
        )

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("workflows.requeue_event")
