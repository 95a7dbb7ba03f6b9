"""The admin of other packages: django-q2's rows are read-only, the rest is not registered."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success

from connections.admin.shared.scoped import Page
from connections.web.staff import sees_every_account


class QueuePage(Page):
    """Background work: its name, function and times, never what it was given or answered.

    Those columns are pickles, so they are not even loaded. It belongs to no account, so staff who see
    only some accounts do not see it.
    """

    ordering = ["-pk"]
    sortable_by = []

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return super().has_view_permission(request, obj) and sees_every_account(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """None for the others: Django's history page would tell them which ids there are."""
        rows = super().get_queryset(request)
        return rows if sees_every_account(request) else rows.none()


class TaskPage(QueuePage):
    """Tasks that have ended."""

    heavy = ["args", "kwargs", "result"]
    ordering = ["-stopped"]
    list_display = ["name", "func", "started", "stopped", "success", "attempt_count"]
    fields = ["id", "name", "func", "started", "stopped", "success", "attempt_count"]
    search_fields = ["name__exact", "func__exact"]


class SchedulePage(QueuePage):
    """Tasks that recur."""

    heavy = ["args", "kwargs"]
    list_display = ["id", "name", "func", "schedule_type", "repeats", "next_run"]
    fields = ["id", "name", "func", "schedule_type", "repeats", "next_run"]


class QueuedPage(QueuePage):
    """Tasks that no worker has taken yet."""

    list_display = ["id", "key", "name", "func", "lock"]
    fields = ["id", "key", "name", "func", "lock"]


_OURS: dict[type, type[QueuePage]] = {
    Schedule: SchedulePage,
    OrmQ: QueuedPage,
    Success: TaskPage,
    Failure: TaskPage,
}


def take_out() -> None:
    """A Schedule runs any code by its name, an Authenticator shows its secret, an EmailAddress can be called
    confirmed by a click, a UserSession has the key of the session; the others are always empty. django-q2's come
    back to look at.
    """
    for model in (*_OURS, Authenticator, EmailAddress, UserSession, SocialAccount, SocialApp, SocialToken):
        if admin.site.is_registered(model):
            admin.site.unregister(model)
    for model, page in _OURS.items():
        admin.site.register(model, page)
    admin.site.site_header = admin.site.site_title = "TaskJuice support"
