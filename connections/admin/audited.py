"""Rows that superusers change in the admin: each change is an audit event of the accounts it concerns."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from connections import audit
from connections.admin.scoped import ScopedPage
from connections.admin.staff import support_actor
from connections.models import Account


class AuditedPage(ScopedPage):
    """Superusers add and change here; other staff look.

    subject: what an audit event calls the row, as in "workspace.changed". Rows are not deleted, because history
    refers to them; a subclass may allow it.
    """

    subject: ClassVar[str]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def accounts_concerned(self, row: Any) -> Iterable[Account]:
        """Whose audit the change belongs in."""
        return [row.account]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data or not change:
            self._record(request, obj, "changed" if change else "added", {"fields": form.changed_data})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            self._record(request, obj, "removed", {})
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)

    def _record(self, request: HttpRequest, row: Model, what: str, detail: dict[str, Any]) -> None:
        """Which row, as it is now called, and which of its fields; never their values."""
        for account in self.accounts_concerned(row):
            audit.record(
                support_actor(request),
                f"{self.subject}.{what}",
                account=account,
                target=str(row.pk),
                detail={"row": str(row), **detail},
            )
