"""Rows that superusers change in the admin: each change is an audit event of the accounts it concerns."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from connections import audit
from connections.admin.shared.scoped import ScopedPage
from connections.models import Account
from connections.web.staff import support_actor


class AuditedPage(ScopedPage):
    """Superusers add and change here; other staff look.

    added, changed, removed: what the audit calls these acts. Rows are not deleted, because history refers to them;
    a subclass may allow it.
    """

    added: ClassVar[str]
    changed: ClassVar[str]
    removed: ClassVar[str]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def accounts_concerned(self, row: Any) -> Iterable[Account]:
        """The accounts whose audit log records the act."""
        return [row.account]

    def facts(self, row: Any, before: dict[str, Any] | None, fields: list[str]) -> dict[str, Any]:
        """The detail of the audit event. before: the form's values as they were; None for a new or removed row."""
        return {"name": row.name} if before is None else {"from": before["name"], "to": row.name}

    def acts(
        self, row: Any, before: dict[str, Any] | None, fields: list[str]
    ) -> Iterable[tuple[str, dict[str, Any]]]:
        """The (audit action, detail) pairs of one saved form; parameters as those of `facts`."""
        return [(self.added if before is None else self.changed, self.facts(row, before, fields))]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data or not change:
            for action, detail in self.acts(obj, form.initial if change else None, form.changed_data):
                self._record(request, obj, action, detail)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            self._record(request, obj, self.removed, self.facts(obj, None, []))
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)

    def target(self, row: Any) -> str:
        return str(row.pk)

    def _record(self, request: HttpRequest, row: Any, action: str, detail: dict[str, Any]) -> None:
        actor, target = support_actor(request), self.target(row)
        for account in self.accounts_concerned(row):
            audit.record(actor, action, account=account, target=target, detail=detail)
