"""Memberships and users."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from connections.admin.shared.audited import AuditedPage
from connections.admin.shared.narrowed import NarrowedTo
from connections.admin.shared.scoped import plainly
from connections.audit import labels
from connections.models import Account, Membership, Role, User

labels.register(
    {
        "person.added": "Member added",
        "person.changed": "User details or permissions changed",
    }
)


@admin.register(Membership)
class MembershipAdmin(AuditedPage):
    """Memberships with their roles."""

    account_path = "account"
    added, changed, removed = "person.added", "person.role_changed", "person.removed"
    list_display = ["person", "account", "role", "created_at"]
    ordering = ["-pk"]
    list_filter = [("account", NarrowedTo), "role"]
    list_select_related = ["user", "account"]
    search_fields = ["user__email", "account__name"]
    id_fields = ["account"]
    raw_id_fields = ["user", "account"]
    person = plainly("user")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return ["person" if obj else "user", "account", "role", "created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["created_at", "person", *(["account"] if obj else [])]

    def target(self, row: Membership) -> str:
        return row.user.email

    def facts(self, row: Membership, before: dict[str, Any] | None, fields: list[str]) -> dict[str, Any]:
        role = {"role": row.role} if before is None else {"from": before["role"], "to": row.role}
        return {"who": row.user.email, **role}

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """An account keeps its owner."""
        return bool(request.user.is_superuser) and (obj is None or obj.role != Role.OWNER)


@admin.register(User)
class UserAdmin(AuditedPage):
    """Users. They set their own passwords; a user who must not sign in any more is made inactive."""

    added = changed = "person.changed"
    list_display = ["email", "first_name", "last_name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_superuser", "is_active"]
    search_fields = ["email", "first_name", "last_name"]
    fields = [
        *("email", "first_name", "last_name", "is_active", "is_staff", "is_superuser"),
        *("groups", "user_permissions", "last_login", "date_joined"),
    ]
    readonly_fields = ["last_login", "date_joined"]
    ordering = ["-pk"]

    def belonging_to(self, accounts: list[uuid.UUID], rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(pk__in=Membership.objects.filter(account__in=accounts).values("user"))

    def target(self, row: User) -> str:
        return row.email

    def facts(self, row: User, before: dict[str, Any] | None, fields: list[str]) -> dict[str, Any]:
        """The names of the changed details and rights, without their values."""
        return {"who": row.email, "fields": fields}

    def accounts_concerned(self, row: User) -> Iterable[Account]:
        return Account.objects.filter(memberships__user=row)
