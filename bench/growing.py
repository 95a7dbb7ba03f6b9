"""`python -m bench.growing <trigger id> <secret>`: measure the cost of an event in this database.

Commands are lines of standard input. `fill N` inserts up to N events with a finished run each by SQL and prints their
number. `events N` sends N new deliveries through the receiver and the workers' fan-out and prints [seconds, seconds].
`pages N` loads each list page N times as an owner and prints {page: median seconds}.
"""

import json
import os
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
django.setup()

from django.conf import settings  # noqa: E402 - all of this needs a set-up Django
from django.db import connection, transaction  # noqa: E402
from django.db.models import Model  # noqa: E402
from django.test import Client  # noqa: E402

from bench.sender import body_of  # noqa: E402
from connections.models import Membership, Role  # noqa: E402
from core.db import tenant_scope  # noqa: E402
from pagerduty_app import signatures  # noqa: E402
from workflows.engine import fanout  # noqa: E402
from workflows.inbox import receive  # noqa: E402
from workflows.inbox.fast import receive as fast_path  # noqa: E402
from workflows.models import Event, Run, Trigger  # noqa: E402

# Spread over a month. Bodies are short, so that a million rows fit on any disk; the indexes are what matters.
_ON = {
    "sqlite": {
        "uuid": "lower(hex(randomblob(16)))",
        "at": "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (n %% 2500000) || ' seconds')",
        "body": "x'7b7d'",
    },
    "postgresql": {
        "uuid": "gen_random_uuid()",
        "at": "now() - (n %% 2500000) * interval '1 second'",
        "body": "'{}'::bytea",
    },
}
_SERIES = "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < %s)"


def deliver(trigger: Trigger, secret: str, names: list[str]) -> None:
    for name in names:
        body = body_of(name)
        signature = signatures.sign(body, secret)
        taken = fast_path.take("pagerduty", str(trigger.token), body=body, signature=signature)
        if taken is None and receive.receive(trigger, body=body, signature=signature) != "accepted":
            raise RuntimeError("a delivery was not stored")


def fan_out() -> None:
    while fanout.fan_out_due():
        pass


def fill(trigger: Trigger, secret: str, rows: int) -> int:
    """Insert copies of one event and its run."""
    deliver(trigger, secret, [uuid.uuid4().hex])
    fan_out()
    event = Event.objects.filter(trigger=trigger).latest("seq")
    run = Run.objects.get(event=event)
    on = _ON[connection.vendor]
    copied = {"id": on["uuid"], "external_id": "'fill-' || n", "lane": "'PFILL' || (n %% 20000)"}
    copied |= {"body": on["body"], "received_at": on["at"], "status": "'done'"}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{_insert(Event, copied)} FROM series, {_table(Event)} c WHERE c.seq = %s".replace(
            "INSERT", f"{_SERIES} INSERT", 1), [rows, event.pk])  # fmt: skip
        ended = dict.fromkeys(("due_at", "created_at", "started_at", "finished_at"), "e.received_at")
        finished = {"id": on["uuid"], "event_id": "e.seq", "lane": "e.lane", "status": "'completed'"} | ended
        cursor.execute(
            f"{_insert(Run, finished)} FROM {_table(Event)} e, {_table(Run)} c"
            " WHERE c.seq = %s AND e.external_id LIKE 'fill-%%'",
            [run.pk],
        )
    if connection.vendor == "postgresql":  # as autovacuum does
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return Event.objects.count()


def _insert(model: type[Model], instead: dict[str, str]) -> str:
    """Return SQL that copies the row `c` except for some columns."""
    columns = [str(field.column) for field in model._meta.concrete_fields if field.column != "seq"]
    values = [instead.get(column, f"c.{column}") for column in columns]
    return f"INSERT INTO {_table(model)} ({', '.join(columns)}) SELECT {', '.join(values)}"


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def cost(trigger: Trigger, secret: str, events: int) -> list[float]:
    """Return the seconds for receiving, and for creating the runs."""
    names = [uuid.uuid4().hex for _ in range(events)]
    begin = time.perf_counter()
    deliver(trigger, secret, names)
    stored = time.perf_counter()
    fan_out()
    seconds = [stored - begin, time.perf_counter() - stored]
    Run.objects.filter(status="pending").update(status="completed")
    return seconds


def pages(trigger: Trigger, secret: str, rounds: int) -> dict[str, float]:
    owner = Membership.objects.get(account=trigger.workspace.account, role=Role.OWNER).user
    workflow = Run.objects.filter(event__trigger=trigger).latest("seq").workflow_id
    client = Client(HTTP_HOST=settings.ALLOWED_HOSTS[0])
    client.force_login(owner)
    listed = ["/runs/", "/runs/?status=failed", "/triggers/", "/workflows/", f"/workflows/{workflow}/"]
    listed += [f"/triggers/{trigger.pk}/", f"/triggers/{trigger.pk}/deliveries/"]
    return {page: statistics.median(_looked(client, page) for _ in range(rounds + 1)) for page in listed}


def _looked(client: Client, page: str) -> float:
    begin = time.perf_counter()
    answer = client.get(page)
    if answer.status_code != 200:
        raise RuntimeError(f"{page} answered {answer.status_code}")
    return time.perf_counter() - begin


_ASKED: dict[str, Callable[[Trigger, str, int], Any]] = {"fill": fill, "events": cost, "pages": pages}


@tenant_scope.unscoped()
def main(key: str, secret: str) -> None:
    trigger = Trigger.objects.get(pk=key)
    for line in sys.stdin:
        what, number = line.split()
        print(json.dumps(_ASKED[what](trigger, secret, int(number))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
