"""`python -m bench.callers PERSON …`: an account for each person at the provider, in the product's environment.

Each account has a member who is signed in, a workspace, a connection that the person authorized through the real
OAuth flow, and an API key. Print [{"connection", "api_key", "cookies"}, …].
"""

import json
import os
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
django.setup()

from django.conf import settings  # noqa: E402 - all of this needs a set-up Django
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from connections.accounts import api_keys  # noqa: E402
from connections.models import Account, Connection, Membership, Role, User, Workspace  # noqa: E402
from connections.tenancy.actor import Actor  # noqa: E402
from connections.tenancy.permissions import SCOPES  # noqa: E402
from core.db import tenant_scope  # noqa: E402
from taskjuice.demo import consent  # noqa: E402

_ACTOR = Actor.system("Bench")


def make(number: int, person: str) -> dict[str, Any]:
    user = User.objects.create_user(f"caller-{number}@taskjuice.example")
    account = Account.objects.create(name=f"Caller {number}")
    Membership.objects.create(account=account, user=user, role=Role.OWNER)
    workspace = Workspace.objects.create(account=account, name=f"Caller {number}")
    form = {"provider": "pagerduty", "label": person, "workspace": workspace.pk}
    consent.give(user, reverse("connections:connect"), form, person=person)
    _, key = api_keys.create_key(actor=_ACTOR, workspace=workspace, name="Bench", scopes=list(SCOPES))
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return {
        "connection": str(Connection.objects.get(workspace=workspace).pk),
        "api_key": key,
        "cookies": {settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME].value},
    }


if __name__ == "__main__":
    with tenant_scope.unscoped():
        print(json.dumps([make(number, person) for number, person in enumerate(sys.argv[1:])]))
