"""The audit: to look at."""

from django.contrib import admin
from django.utils.safestring import SafeString

from connections.admin.shared.choices import Among
from connections.admin.shared.narrowed import NarrowedTo
from connections.admin.shared.payloads import as_json
from connections.admin.shared.scoped import ScopedPage, plainly
from connections.models import AuditEvent


class ByActor(Among):
    """Filter: acts of one kind of actor."""

    title = "actor"
    parameter_name = "by"
    lookup = "actor_kind"
    choices_of = {
        "user": "Actor",
        "api_key": "API key",
        "client": "Client",
        "support": "Support",
        "system": "TaskJuice",
    }


class BySubject(Among):
    """Filter: acts on one kind of thing; `connection.` begins what is done to connections."""

    title = "resource"
    parameter_name = "about"
    lookup = "action__startswith"
    choices_of = {
        f"{word.lower().replace(' ', '_')}.": word
        for word in (
            *("Account", "Workspace", "Actor", "Invitation", "API key"),
            *("Connection", "Client link", "Trigger", "Event", "Workflow", "Run", "Action"),
        )
    }


@admin.register(AuditEvent)
class AuditEventAdmin(ScopedPage):
    """The audit log: actor, action, connection, time and address."""

    account_path = "account"
    list_display = ["created_at", "actor_label", "action", "account", "workspace", "connection", "ip"]
    list_filter = [("account", NarrowedTo), ("connection", NarrowedTo), BySubject, ByActor]
    list_select_related = ["account", "workspace", "connection"]
    search_fields = ["^actor_label", "^action", "target__exact", "request_id__exact"]
    search_help_text = "Start of the actor or event name, or a full ID."
    id_fields = ["pk", "account", "connection", "target", "request_id"]
    date_hierarchy = "created_at"
    sortable_by = ["created_at"]
    fields = [
        *(
            "created_at",
            "action",
            "actor_kind",
            "actor_label",
            "key_used",
            "account",
            "workspace",
            "connection",
        ),
        *("target", "what_exactly", "ip", "request_id"),
    ]
    key_used = plainly("api_key")

    @admin.display(description="detail")
    def what_exactly(self, event: AuditEvent) -> SafeString:
        return as_json(event.detail)
