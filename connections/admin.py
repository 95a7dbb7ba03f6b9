"""The Django admin for support staff: everything about grants except the secrets themselves."""

from typing import TYPE_CHECKING, Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from connections.actors import Actor
from connections.models import (
    Account,
    ApiKey,
    AuditEvent,
    Connection,
    Grant,
    Membership,
    User,
    Workspace,
)
from connections.requests import actor_of
from connections.revoke import revoke

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
else:
    Admin = admin.ModelAdmin


class ReadOnly(Admin):
    """History and secrets' surroundings: to look at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(Admin):
    list_display = ["email", "first_name", "last_name", "is_staff", "is_active", "last_login"]
    search_fields = ["email", "first_name", "last_name"]
    exclude = ["password"]
    readonly_fields = ["last_login", "date_joined"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Nobody gives themselves rights: those are a superuser's to give."""
        rights = ["is_superuser", "is_staff", "groups", "user_permissions"]
        return [*self.readonly_fields, *([] if request.user.is_superuser else rights)]


@admin.register(Account)
class AccountAdmin(Admin):
    list_display = ["name", "created_at"]
    search_fields = ["name"]


@admin.register(Workspace)
class WorkspaceAdmin(Admin):
    list_display = ["name", "account", "created_at"]
    list_select_related = ["account"]
    search_fields = ["name", "account__name"]


@admin.register(Membership)
class MembershipAdmin(Admin):
    list_display = ["user", "account", "role", "created_at"]
    list_select_related = ["user", "account"]
    search_fields = ["user__email", "account__name"]


@admin.register(Connection)
class ConnectionAdmin(ReadOnly):
    list_display = [
        "label",
        "workspace",
        "provider",
        "external_account_name",
        "region",
        "status",
        "authorised_at",
    ]
    list_filter = ["status", "provider", "region"]
    list_select_related = ["workspace"]
    search_fields = ["label", "external_account_name", "external_account_id", "workspace__name"]
    date_hierarchy = "created_at"
    actions = ["revoke_selected"]

    @admin.action(description="Revoke: erase the tokens, close the triggers", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        person = actor_of(request)
        support = Actor(
            kind="support",
            label=person.label,
            user_id=person.user_id,
            ip=person.ip,
            request_id=person.request_id,
        )
        for connection in queryset.select_related("workspace__account"):
            revoke(actor=support, connection=connection)
        messages.success(request, f"{queryset.count()} revoked.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.change_connection")


@admin.register(Grant)
class GrantAdmin(ReadOnly):
    list_display = ["connection", "expires_at", "refreshed_at", "next_refresh_at", "failures", "generation"]
    list_select_related = ["connection"]
    search_fields = ["connection__label"]
    exclude = ["access_token", "refresh_token", "lease_holder"]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly):
    list_display = ["name", "prefix", "workspace", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_select_related = ["workspace"]
    search_fields = ["name", "prefix", "workspace__name"]
    exclude = ["digest"]


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ["created_at", "actor_label", "action", "workspace", "connection", "target", "ip"]
    list_filter = ["action", "actor_kind"]
    list_select_related = ["workspace", "connection"]
    search_fields = ["actor_label", "target", "connection__label"]
    date_hierarchy = "created_at"
