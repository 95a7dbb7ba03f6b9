"""Email that is owed or was sent: whether it went out, and why not. Never its text, which may hold a secret link."""

import uuid
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet

from connections.admin.shared.scoped import ScopedPage, plainly
from connections.models import Notice


@admin.register(Notice)
class NoticeAdmin(ScopedPage):
    """The outbox, newest first. An agency's own support sees no email of accounts: a person may have several."""

    list_display = ["created_at", "kind", "recipient", "status", "attempts", "error", "sent_at"]
    list_filter = ["status"]
    list_select_related = ["invitation", "client_link"]
    search_fields = ["to__exact", "invitation__email__exact", "client_link__email__exact"]
    search_help_text = "Full address."
    id_fields = ["pk", "connection"]
    date_hierarchy = "created_at"
    ordering = ["-created_at", "id"]
    sortable_by = []
    heavy = ["body"]
    fields = [
        *("id", "kind", "recipient", "subject", "about", "status", "attempts", "error"),
        *("created_at", "next_attempt_at", "expires_at", "sent_at"),
    ]
    about = plainly("connection")

    def belonging_to(self, accounts: list[uuid.UUID], rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(
            Q(invitation__account__in=accounts)
            | Q(connection__workspace__account__in=accounts)
            | Q(client_link__connection__workspace__account__in=accounts)
        )

    @admin.display(description="to")
    def recipient(self, notice: Notice) -> str:
        link = notice.invitation or notice.client_link
        return notice.to or (link.email if link is not None else "owner and admins")
