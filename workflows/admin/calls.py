"""Action calls: to look at."""

from django.contrib import admin
from django.utils.safestring import SafeString

from connections.admin.shared.narrowed import NarrowedTo
from connections.admin.shared.payloads import as_error, as_json
from connections.admin.shared.scoped import ScopedPage, plainly
from workflows.models import ActionCall


@admin.register(ActionCall)
class ActionCallAdmin(ScopedPage):
    """Uses of connections, newest first."""

    account_path = "workspace__account"
    list_display = [
        "created_at",
        "status",
        "action",
        "connection",
        "workspace",
        "origin",
        "attempts",
        "unsure",
    ]
    list_filter = [
        ("workspace__account", NarrowedTo),
        ("workspace", NarrowedTo),
        ("connection", NarrowedTo),
        "status",
        "origin",
        "unsure",
    ]
    list_select_related = ["workspace", "connection"]
    search_fields = ["action__exact", "connection__label", "idempotency_key__exact"]
    search_help_text = (
        "Full action or idempotency key, or a connection; or the full ID of an action call or connection."
    )
    id_fields = ["pk", "connection"]
    date_hierarchy = "created_at"
    sortable_by = []
    heavy = ["input", "output", "error", "baseline"]
    fields = [
        *("id", "action", "connection", "workspace", "origin", "person", "key_used", "status", "attempts"),
        *("unsure", "input_shown", "output_shown", "error_shown", "baseline_shown", "idempotency_key"),
        *("created_at", "first_sent_at", "settles_at", "next_attempt_at", "lease_until", "finished_at"),
    ]
    person = plainly("user")
    key_used = plainly("api_key")

    @admin.display(description="input")
    def input_shown(self, call: ActionCall) -> SafeString:
        return as_json(call.input)

    @admin.display(description="output")
    def output_shown(self, call: ActionCall) -> SafeString:
        return as_json(call.output)

    @admin.display(description="error")
    def error_shown(self, call: ActionCall) -> SafeString:
        return as_error(call.error)

    @admin.display(description="there before it was sent")
    def baseline_shown(self, call: ActionCall) -> SafeString:
        return as_json(call.baseline)
