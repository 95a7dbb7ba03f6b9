"""`python -m bench.waiting`: makes runs that wait, of what is read from stdin, while nothing else is running.

stdin: JSON, [[trigger id, incident id], …].
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
django.setup()

from bench import notes  # noqa: E402 - models need a set-up Django
from workflows import fanout, inbox  # noqa: E402
from workflows.models import Run, Trigger  # noqa: E402


def main() -> None:
    ways = json.load(sys.stdin)
    triggers = Trigger.objects.in_bulk({trigger for trigger, _ in ways})
    known = {str(key): trigger for key, trigger in triggers.items()}
    for trigger, incident in ways:
        inbox.store(known[trigger], body=notes.body_of(incident))
    while fanout.fan_out_due():
        pass
    print(Run.objects.filter(status=Run.Status.PENDING).count())


if __name__ == "__main__":
    main()
