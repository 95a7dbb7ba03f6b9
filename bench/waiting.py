"""`python -m bench.waiting make|release`: runs that wait, made while no worker runs and let go when all is warm.

make: of stdin, JSON, [[trigger id, incident id], …]; prints how many there are. release: makes them due, and rings
for every worker.
"""

import json
import os
import sys
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
django.setup()

from django.conf import settings  # noqa: E402 - all of this needs a set-up Django
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench import notes  # noqa: E402
from workflows import doorbell, fanout, storing  # noqa: E402
from workflows.models import Run, Trigger  # noqa: E402


def make(ways: list[tuple[str, str]]) -> int:
    triggers = {str(trigger.pk): trigger for trigger in Trigger.objects.all()}
    for trigger, incident in ways:
        storing.store(triggers[trigger], body=notes.body_of(incident))
    while fanout.fan_out_due():
        pass
    waiting = Run.objects.filter(status=Run.Status.PENDING)
    return waiting.update(due_at=timezone.now() + timedelta(days=1))


@transaction.atomic
def release() -> None:
    Run.objects.filter(status=Run.Status.PENDING).update(due_at=timezone.now())
    for _ in range(settings.TASK_WORKERS):
        doorbell.ring()


if __name__ == "__main__":
    if sys.argv[1] == "make":
        print(make(json.load(sys.stdin)))
    else:
        release()
