"""Hooks and what is owed to them: to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from connections.admin.shared.narrowed import NarrowedTo
from connections.admin.shared.payloads import as_json
from connections.admin.shared.scoped import LookOnlyInline, ScopedPage, plainly
from workflows.models import Hook, HookDelivery, HookSecret


class SecretInline(LookOnlyInline):
    """Signing secrets: when, never what."""

    model = HookSecret
    fields = ["created_at", "expires_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[HookSecret]:
        rows: QuerySet[HookSecret] = super().get_queryset(request)
        return rows.defer("secret")


@admin.register(Hook)
class HookAdmin(ScopedPage):
    """Addresses of other software. Only the host is shown: the rest of an address can hold a token."""

    account_path = "workspace__account"
    list_display = ["name", "status", "workspace", "host", "events", "runs", "failing_since", "created_at"]
    list_filter = [
        ("workspace__account", NarrowedTo),
        ("workspace", NarrowedTo),
        ("trigger", NarrowedTo),
        "status",
    ]
    list_select_related = ["workspace"]
    search_fields = ["name", "workspace__name"]
    search_help_text = "Name or workspace; or the full ID of an outgoing webhook, trigger or workspace."
    id_fields = ["pk", "trigger", "workspace"]
    fields = [
        *("id", "name", "host", "workspace", "status", "events", "runs", "trigger", "made_by"),
        *("failing_since", "held_until", "tried_at", "created_at", "deleted_at"),
    ]
    made_by = plainly("created_by")
    inlines = [SecretInline]


@admin.register(HookDelivery)
class HookDeliveryAdmin(ScopedPage):
    """Deliveries to webhook endpoints, newest first."""

    account_path = "workspace__account"
    list_display = ["created_at", "status", "kind", "hook", "lane", "workspace", "attempts", "finished_at"]
    list_filter = [
        ("workspace__account", NarrowedTo),
        ("workspace", NarrowedTo),
        ("hook", NarrowedTo),
        "status",
        "kind",
    ]
    list_select_related = ["workspace", "hook"]
    search_fields = ["lane__exact"]
    search_help_text = "Full ID of a delivery, outgoing webhook, incident or workspace."
    id_fields = ["id", "hook", "workspace"]
    date_hierarchy = "created_at"
    ordering = ["-created_at", "-seq"]
    sortable_by = []
    heavy = ["tries"]
    fields = [
        *("id", "hook", "kind", "event_told", "run_told", "lane", "workspace", "status", "attempts"),
        *("tries_shown", "next_attempt_at", "lease_until", "created_at", "finished_at"),
    ]
    event_told = plainly("event")
    run_told = plainly("run")

    @admin.display(description="last attempts")
    def tries_shown(self, delivery: HookDelivery) -> SafeString:
        return as_json(delivery.tries)
