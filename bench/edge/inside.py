"""`python -m bench.edge.inside …`: the part of a proof that runs in the product's environment.

connect N: create N connections through the real OAuth flow; print their ids. expire: expire all access tokens.
renew SEED: for each line on stdin, get a token of every connection in random order; print their digests as JSON.
fail: as renew once, but print which connections got no token, and why. recover: read {"trigger", "incidents"} on stdin,
and store the missed changes of those incidents; print how many. permit: read {"connection", "optional"} on stdin, and
reconnect with these optional permissions.
"""

import hashlib
import json
import os
import random
import sys
from collections.abc import Callable
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
django.setup()

from django.urls import reverse  # noqa: E402 - models need a set-up Django
from django.utils import timezone  # noqa: E402

from connections.grants import tokens  # noqa: E402
from connections.models import Connection, Grant, User, Workspace  # noqa: E402
from core.db import clock, tenant_scope  # noqa: E402
from core.errors import Problem  # noqa: E402
from pagerduty_app.subscriptions import backfill  # noqa: E402
from taskjuice.demo import consent  # noqa: E402
from taskjuice.demo.seed import EMAIL  # noqa: E402
from workflows.calls import provider_access  # noqa: E402
from workflows.catalog import Missed, Reach  # noqa: E402
from workflows.inbox import store  # noqa: E402
from workflows.inbox.store import Recovered, Verdict  # noqa: E402
from workflows.models import Trigger  # noqa: E402

_PREFIX = "Edge "


def _connections() -> list[Connection]:
    return list(Connection.objects.filter(label__startswith=_PREFIX).order_by("label"))


def connect(count: int) -> None:
    user = User.objects.get(email=EMAIL)
    workspace = Workspace.objects.get(account__memberships__user=user)
    for number in range(count):
        form = {"provider": "pagerduty", "label": f"{_PREFIX}{number:03}", "workspace": str(workspace.pk)}
        consent.give(user, reverse("connections:connect"), form)
    print(json.dumps([str(connection.pk) for connection in _connections()]))


def permit() -> None:
    order = json.loads(sys.stdin.read())
    form = {"optional_asked": "1"} | {f"optional_{key}": "on" for key in order["optional"]}
    start = reverse("connections:reconnect", args=[order["connection"]])
    consent.give(User.objects.get(email=EMAIL), start, form)


def expire() -> None:
    past = timezone.now() - timedelta(seconds=1)
    Grant.objects.filter(connection__in=_connections()).update(
        expires_at=past, next_refresh_at=past, failures=0
    )


def _tokens(order: random.Random) -> dict[str, str]:
    """Return connection → digest of its token, or the error's code."""
    found = {}
    connections = _connections()
    order.shuffle(connections)
    for connection in connections:
        try:
            token = tokens.access_token(connection)
            found[str(connection.pk)] = hashlib.sha256(token.encode()).hexdigest()[:16]
        except Problem as problem:
            found[str(connection.pk)] = problem.code
    return found


def renew(seed: int) -> None:
    order = random.Random(seed)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(_tokens(order)), flush=True)


def recover() -> None:
    order = json.loads(sys.stdin.read())
    trigger = Trigger.objects.get(pk=order["trigger"])
    connection = Connection.objects.select_related("grant", "workspace").get(pk=trigger.connection_id)
    now = clock.now()
    since = now - timedelta(hours=1)

    def missed(token: str) -> Missed:
        api = provider_access.open_api(connection, token, provider_access.Meter(connection))
        return backfill.missed(
            api, frozenset({"incident.triggered", "incident.acknowledged"}), Reach(), since, now
        )

    stored = 0
    for change in provider_access.authorised(connection, missed).changes:
        if json.loads(change.body)["event"]["data"]["id"] in order["incidents"]:
            told = Recovered(change.happened_at, since)
            stored += store.store(trigger, body=change.body, recovered=told) != Verdict.DUPLICATE
    print(stored)


if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    acts: dict[str, Callable[..., None]] = {
        "connect": connect,
        "expire": expire,
        "renew": renew,
        "recover": recover,
        "permit": permit,
    }
    with tenant_scope.unscoped():
        acts[what](*map(int, numbers))
