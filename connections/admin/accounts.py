"""Accounts and their workspaces."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from connections.accounts import retention
from connections.admin.shared.acting import ActingPage
from connections.admin.shared.audited import AuditedPage
from connections.admin.shared.narrowed import NarrowedTo
from connections.admin.shared.scoped import LookOnlyInline, plainly
from connections.connecting.revoke import revoke
from connections.models import Account, Connection, Membership, Workspace
from connections.web.staff import support_actor

_LIVE = ~Q(status=Connection.Status.REVOKED)


class MembershipInline(LookOnlyInline):
    """The members of the account."""

    model = Membership
    fields = ["person", "role", "created_at"]
    person = plainly("user")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user", "account")


@admin.register(Account)
class AccountAdmin(ActingPage, AuditedPage):
    """Agencies."""

    account_path = "pk"
    added, changed = "account.created", "account.renamed"
    list_display = ["name", "retention_days", "created_at"]
    ordering = ["-created_at"]
    list_filter = ["created_at"]
    search_fields = ["name"]
    id_fields = ["pk"]
    fields = ["name", "retention_days", "created_at"]
    readonly_fields = ["created_at"]
    inlines = [MembershipInline]
    actions = ["revoke_everything"]

    def accounts_concerned(self, row: Account) -> Iterable[Account]:
        return [row]

    def acts(
        self, row: Account, before: dict[str, Any] | None, fields: list[str]
    ) -> Iterable[tuple[str, dict[str, Any]]]:
        if before is None or "name" in fields:
            yield from super().acts(row, before, fields)
        if before is not None and "retention_days" in fields:
            days = {"from": before["retention_days"], "to": row.retention_days}
            yield retention.CHANGED, days

    @admin.action(description="Revoke all connections of the account…", permissions=["revoke"])
    def revoke_everything(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse | None:
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            messages.warning(request, "Select one account. Nothing was revoked.")
            return None
        account = chosen[0]
        connections = Connection.objects.filter(workspace__account=account)
        if not self.confirmed(request):
            return self._ask(request, account, connections)
        self.work_through(
            request,
            connections.select_related("workspace__account"),
            ready=_LIVE,
            act=lambda connection: revoke(actor=support_actor(request), connection=connection),
            done="revoked",
            otherwise="already revoked",
        )
        return None

    def _ask(self, request: HttpRequest, account: Account, connections: QuerySet[Connection]) -> HttpResponse:
        counted = connections.filter(_LIVE).order_by("status").values_list("status").annotate(Count("pk"))
        states = [f"{count} {Connection.Status(status).label.lower()}" for status, count in counted]
        return self.ask(
            request,
            action="revoke_everything",
            question=f"Revoke all connections of {account}?",
            button="Revoke all permanently",
            consequences=[
                "our access to each provider account is deleted immediately,",
                "the triggers of these connections are closed and accept no more events,",
                "actions and runs that wait for them are cancelled.",
            ],
            rows=states + ([f"{sum(count for _, count in counted)} total"] if len(states) > 1 else []),
            chosen=[account],
        )

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.revoke_connection")


@admin.register(Workspace)
class WorkspaceAdmin(AuditedPage):
    """Client engagements."""

    account_path = "account"
    added, changed = "workspace.created", "workspace.renamed"
    list_display = ["name", "account", "created_at"]
    ordering = ["-created_at"]
    list_filter = [("account", NarrowedTo), "created_at"]
    list_select_related = ["account"]
    search_fields = ["name", "account__name"]
    id_fields = ["pk", "account"]
    fields = ["name", "account", "created_at"]
    raw_id_fields = ["account"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A workspace stays where it is: its rows and their history belong to its account."""
        return ["created_at", *(["account"] if obj else [])]
