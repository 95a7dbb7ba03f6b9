"""`python -m bench.chaos.world [own-users]`: create many tenants in the product's environment.

Standard input has the names of workspaces as JSON. For each name, create a trigger with a workflow that writes the
event's title as a note. A missing workspace is created, with a connection through the real OAuth flow; a repeated name
adds a trigger to it. Print [{"id", "workspace", "url", "secret"}, …].

own-users: each connection has a user of its own at the provider, and so a request budget of its own. The sandbox knows
five users, so the user's id is changed in our database after the consent.
"""

import json
import os
import secrets
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
django.setup()

from django.urls import reverse  # noqa: E402 - all of this needs a set-up Django

from connections.models import Account, Connection, User, Workspace  # noqa: E402
from connections.tenancy.actor import Actor  # noqa: E402
from core.db import tenant_scope  # noqa: E402
from taskjuice.demo import consent  # noqa: E402
from workflows.authoring import lifecycle as authoring  # noqa: E402
from workflows.inbox import secrets as inbox_secrets  # noqa: E402
from workflows.triggers import lifecycle  # noqa: E402

_ACTOR = Actor.system("Chaos")
_PER_MINUTE = 600


def make(names: list[str], *, own_users: bool = False) -> list[dict[str, str]]:
    user, account = User.objects.order_by("pk")[0], Account.objects.get()
    return [_tenant(user, account, name, own_user=own_users) for name in names]


def _tenant(user: User, account: Account, name: str, *, own_user: bool) -> dict[str, str]:
    workspace, new = Workspace.objects.get_or_create(account=account, name=name)
    if new:
        form = {"provider": "pagerduty", "label": name, "workspace": workspace.pk}
        consent.give(user, reverse("connections:connect"), form)
    connection = Connection.objects.get(workspace=workspace)
    if new and own_user:
        connection.external_user_id = f"P{workspace.pk.hex[:12].upper()}"
        connection.save(update_fields=["external_user_id"])
    trigger = lifecycle.create(
        actor=_ACTOR, connection=connection, key="pagerduty/incident-triggered", name=name
    )
    secret = secrets.token_urlsafe(24)
    inbox_secrets.add_secret(actor=_ACTOR, trigger=trigger, secret=secret)
    workflow = authoring.create(actor=_ACTOR, trigger=trigger, name=name, definition=_definition(connection))
    workflow.max_runs_per_minute = _PER_MINUTE
    workflow.save(update_fields=["max_runs_per_minute"])
    authoring.publish(actor=_ACTOR, workflow=workflow)
    return {"id": str(trigger.pk), "workspace": str(workspace.pk), "url": trigger.url, "secret": secret}


def _definition(connection: Connection) -> dict[str, Any]:
    step = {
        "key": "note",
        "connection": str(connection.pk),
        "action": "pagerduty/create-incident-note",
        "input": {
            "from": "dana@acme.example",
            "incident_id": "{{ trigger.incident.id }}",
            "content": "{{ trigger.incident.title }}",
        },
    }
    return {"steps": [step]}


if __name__ == "__main__":
    with tenant_scope.unscoped():
        print(json.dumps(make(json.load(sys.stdin), own_users="own-users" in sys.argv[1:])))
