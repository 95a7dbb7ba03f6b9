"""The bell, what it leads to, and Settings → Notifications."""

import uuid

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.models import User
from connections.notifications import kinds, preferences, reading
from connections.notifications.kinds import Email
from connections.web.access import here, member
from connections.web.current_scope import accounts_of
from connections.web.page_context import unread_of
from core.web.pagination import page_of

_PAGE = 25


def _person(request: HttpRequest) -> User:
    """The signed-in user, inside a view that `member` guards."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _mine(request: HttpRequest) -> reading.Receipts:
    return reading.of_person(_person(request), [account.pk for account in accounts_of(request)])


@member
@never_cache
@require_GET
def notification_list(request: HttpRequest) -> HttpResponse:
    """The person's notifications, the newest first."""
    page = page_of(request, _mine(request), _PAGE)
    return render(request, "notifications/list.html", {"page": page, "section": "inbox"})


@member
@never_cache
@require_http_methods(["GET", "POST"])
def notification(request: HttpRequest, notification_id: uuid.UUID) -> HttpResponse:
    """Mark it as read; following its link leads to the page it is about."""
    receipts = _mine(request).filter(notification=notification_id)
    receipt = receipts.first()
    if receipt is None:
        raise Http404
    reading.mark_read(receipts)
    return redirect(receipt.notification.path if request.method == "GET" else "connections:notifications")


@member
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    reading.mark_read(_mine(request))
    return redirect("connections:notifications")


@member
@never_cache
@require_GET
def bell(request: HttpRequest) -> HttpResponse:
    """The bell alone, which open pages ask for once a minute."""
    return render(request, "shell/_bell.html", {"unread": unread_of(request)})


class _SettingsForm(forms.Form):
    """A choice for each kind. now: what is chosen so far."""

    def __init__(self, *args: object, now: dict[str, Email]) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        for kind in kinds.known():
            self.fields[kind.key] = forms.ChoiceField(
                choices=Email.choices, initial=now[kind.key], label=kind.name, help_text=kind.explains
            )


@member
@never_cache
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """The page of the member's email preferences in this agency."""
    place, person = here(request), _person(request)
    now = preferences.of_person(place.account.pk, person, place.role)
    form = _SettingsForm(request.POST or None, now=now)
    if request.method == "POST" and form.is_valid():
        choices = {kind: Email(email) for kind, email in form.cleaned_data.items()}
        preferences.choose(place.account.pk, person, choices)
        messages.success(request, "Saved.")
        return redirect("connections:notification_settings")
    status = 400 if form.is_bound else 200
    return render(
        request, "notifications/settings.html", {"form": form, "section": "notifications"}, status=status
    )
