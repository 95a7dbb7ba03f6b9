"""`python -m bench.waiting make|release|withdraw|hand`: runs made without workers, put aside, and drained by turns.

make: read [[trigger id, incident id], …] as JSON from stdin; print the number. release N: make the next N due and wake
every worker. withdraw: put aside again what no worker has claimed; print the number. hand N: print the next N as JSON
for bench.bare_loop; they are due tomorrow, so no worker claims them.
"""

import json
import os
import sys
from datetime import timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
django.setup()

from django.conf import settings  # noqa: E402 - all of this needs a set-up Django
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench import notes  # noqa: E402
from connections.grants import request_budget, tokens  # noqa: E402
from connections.models import Connection  # noqa: E402
from core.db import tenant_scope  # noqa: E402
from workflows.calls import loop_detection  # noqa: E402
from workflows.engine import fanout  # noqa: E402
from workflows.inbox import events, store  # noqa: E402
from workflows.models import Run, Trigger  # noqa: E402
from workflows.queue import wakeup  # noqa: E402
from workflows.runs import step_inputs  # noqa: E402

# The due time of a deferred run, so that finding due runs costs the same in each turn.
_ASIDE = Run.Status.CANCELLED


def make(ways: list[tuple[str, str]]) -> int:
    triggers = {str(trigger.pk): trigger for trigger in Trigger.objects.all()}
    for trigger, incident in ways:
        store.store(triggers[trigger], body=notes.body_of(incident))
    while fanout.fan_out_due():
        pass
    return Run.objects.filter(status=Run.Status.PENDING).update(status=_ASIDE)


@transaction.atomic
def release(count: int) -> None:
    _take(count, timedelta(0))
    for _ in range(settings.TASK_WORKERS):
        wakeup.wake_workers()


def withdraw() -> int:
    return Run.objects.filter(status=Run.Status.PENDING, started_at=None).update(status=_ASIDE)


def hand(count: int) -> dict[str, Any]:
    """Return the runs for bench.bare_loop, and the one connection that all of them use."""
    runs = Run.objects.filter(seq__in=_take(count, timedelta(days=1))).select_related(
        "event__trigger", "version"
    )
    connection = Connection.objects.select_related("grant__oauth_app").get()
    return {
        "token": tokens.access_token(connection),
        "all": {
            "workspace": str(connection.workspace_id),
            "connection": str(connection.pk),
            "budget": request_budget.key_of(connection),
            "account": loop_detection.account_of(connection),
            "agent": connection.external_user_id,
            "digest": "0" * 64,
        },
        "runs": [_handed(run) for run in runs],
    }


def _handed(run: Run) -> dict[str, Any]:
    step, fields = run.plan[0], events.fields_of(run.event) | {"steps": {}}
    return {
        "seq": run.seq,
        "trigger": str(run.event.trigger_id),
        "lane": run.lane,
        "subject": f"incident:{run.lane}",
        "action": step["action"],
        "key": step["key"],
        "input": step_inputs.prepare(step["action"], step["input"], fields).given,
    }


def _take(count: int, later: timedelta) -> list[int]:
    keys = list(Run.objects.filter(status=_ASIDE).order_by("seq").values_list("seq", flat=True)[:count])
    Run.objects.filter(seq__in=keys).update(status=Run.Status.PENDING, due_at=timezone.now() + later)
    return keys


if __name__ == "__main__":
    with tenant_scope.unscoped():
        if sys.argv[1] == "make":
            print(make(json.load(sys.stdin)))
        elif sys.argv[1] == "release":
            release(int(sys.argv[2]))
        elif sys.argv[1] == "withdraw":
            print(withdraw())
        else:
            print(json.dumps(hand(int(sys.argv[2]))))
