"""API keys: what is known of them, and their end."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from connections.accounts import api_keys
from connections.admin.shared.acting import MOST_ROWS, ActingPage
from connections.admin.shared.narrowed import NarrowedTo
from connections.admin.shared.scoped import plainly
from connections.models import ApiKey
from connections.web.staff import support_actor

_LIVE = Q(revoked_at__isnull=True)


@admin.register(ApiKey)
class ApiKeyAdmin(ActingPage):
    """API keys of workspaces, told apart by their public prefix."""

    account_path = "workspace__account"
    list_display = ["name", "prefix", "workspace", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_filter = [("workspace__account", NarrowedTo), ("workspace", NarrowedTo), "created_at"]
    list_select_related = ["workspace"]
    search_fields = ["name", "prefix__exact", "workspace__name"]
    search_help_text = "Name, full prefix or workspace."
    id_fields = ["pk", "workspace"]
    heavy = ["digest"]
    fields = [
        *("id", "name", "prefix", "workspace", "scopes", "made_by"),
        *("created_at", "expires_at", "last_used_at", "revoked_at"),
    ]
    made_by = plainly("created_by")
    actions = ["revoke_keys"]

    @admin.action(description="Revoke…", permissions=["revoke"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        rows = queryset.select_related("workspace__account")
        if not self.confirmed(request):
            live = list(rows.filter(_LIVE)[:MOST_ROWS])
            return self.ask(
                request,
                action="revoke_keys",
                question=f"Revoke {len(live)} API keys?" if len(live) != 1 else f"Revoke {live[0]}?",
                button="Revoke permanently",
                consequences=["requests with the key are rejected from now on."],
                rows=(f"{row} ({row.workspace}, {row.workspace.account})" for row in live),
                chosen=live,
            )
        self.work_through(
            request,
            rows,
            ready=_LIVE,
            act=lambda key: api_keys.revoke_key(actor=support_actor(request), key=key),
            done="revoked",
            otherwise="already revoked",
        )
        return None

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.revoke_apikey")
