"""Connections and the surroundings of their grants; the tokens themselves are on no page."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from connections.admin.shared.acting import MOST_ROWS, ActingPage
from connections.admin.shared.choices import Among
from connections.admin.shared.narrowed import NarrowedTo
from connections.admin.shared.scoped import ScopedPage
from connections.connecting.revoke import revoke
from connections.extension_points import health
from connections.grants import registry
from connections.models import Connection, Grant
from connections.web.staff import support_actor

_LIVE = ~Q(status=Connection.Status.REVOKED)


class ByProvider(Among):
    """Filter: connections of one provider."""

    title = "provider"
    parameter_name = "provider"
    lookup = "provider"

    @property
    def choices_of(self) -> dict[str, str]:  # type: ignore[override]
        return {provider.key: provider.name for provider in registry.known()}


@admin.register(Connection)
class ConnectionAdmin(ActingPage):
    """Connections of workspaces to providers."""

    account_path = "workspace__account"
    list_display = [
        "label",
        "status",
        "workspace",
        "provider",
        "external_account_name",
        "region",
        "created_at",
    ]
    list_filter = [("workspace__account", NarrowedTo), ("workspace", NarrowedTo), "status", ByProvider]
    list_select_related = ["workspace"]
    search_fields = ["label", "external_account_name", "external_account_id__exact", "workspace__name"]
    search_help_text = (
        "Label, provider account or workspace; or the full ID of a connection, workspace or account."
    )
    id_fields = ["pk", "workspace", "workspace__account"]
    date_hierarchy = "created_at"
    sortable_by = ["created_at"]
    fields = [
        *("id", "label", "workspace", "provider", "status", "status_reason", "health"),
        *("external_account_id", "external_account_name", "external_user_id", "region"),
        *("authorised_label", "authorised_at", "default_from", "last_used_at", "revoked_at", "created_at"),
    ]
    actions = ["revoke_selected"]

    @admin.display(description="health")
    def health(self, connection: Connection) -> str:
        return health.of(connection).in_words

    @admin.action(description="Revoke…", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Connection]) -> HttpResponse | None:
        rows = queryset.select_related("workspace__account")
        if not self.confirmed(request):
            return self._ask(request, rows)
        self.work_through(
            request,
            rows,
            ready=_LIVE,
            act=lambda connection: revoke(actor=support_actor(request), connection=connection),
            done="revoked",
            otherwise="already revoked",
        )
        return None

    def _ask(self, request: HttpRequest, rows: QuerySet[Connection]) -> HttpResponse:
        live = list(rows.filter(_LIVE)[:MOST_ROWS])
        return self.ask(
            request,
            action="revoke_selected",
            question=f"Revoke {live[0]}?" if len(live) == 1 else f"Revoke {len(live)} connections?",
            button="Revoke permanently",
            consequences=[
                "our access to the provider account is deleted immediately,",
                "the triggers of the connection are closed and accept no more events,",
                "actions and runs that wait for it are cancelled.",
            ],
            rows=(f"{row} ({row.workspace}, {row.workspace.account})" for row in live),
            chosen=live,
        )

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.revoke_connection")


@admin.register(Grant)
class GrantAdmin(ScopedPage):
    """Facts about the tokens, never a part of one."""

    account_path = "connection__workspace__account"
    list_display = [
        "connection",
        "expires_at",
        "refreshed_at",
        "next_refresh_at",
        "consent_ends_at",
        "failures",
    ]
    list_filter = [("connection__workspace__account", NarrowedTo), ("connection", NarrowedTo)]
    list_select_related = ["connection"]
    search_fields = ["connection__label", "connection__workspace__name"]
    id_fields = ["pk", "connection"]
    ordering = ["-pk"]
    heavy = ["access_token", "refresh_token"]
    fields = [
        *("connection", "tokens", "scopes_asked", "scopes_granted", "delegation_id", "obtained_at"),
        *("expires_at", "refreshed_at", "next_refresh_at", "lapses_at", "consent_ends_at"),
        *("generation", "failures", "refused_since", "lease_until"),
    ]

    @admin.display(description="tokens")
    def tokens(self, grant: Any) -> str:
        return "stored, encrypted" if grant.access_token is not None else "erased"
