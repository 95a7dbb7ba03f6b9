"""People who may use the admin, and what they press."""

from typing import Any

from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from connections.models import User
from tests.support.browser import signed_in

CONNECTIONS = reverse("admin:connections_connection_changelist")
ACCOUNTS = reverse("admin:connections_account_changelist")
KEYS = reverse("admin:connections_apikey_changelist")


def staff(person: User, group: str) -> Client:
    """That person, given staff access and the group of that name."""
    person.is_staff = True
    person.save()
    person.groups.set([Group.objects.get(name=group)])
    return signed_in(person)


def act(browser: Client, page: str, action: str, *rows: Any, **more: str) -> str:
    """The page that answers to an action on those rows."""
    chosen = {"_selected_action": [str(row.pk) for row in rows]}
    return browser.post(page, {"action": action} | chosen | more, follow=True).content.decode()


def page_of(row: Any, name: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])
