"""Wake-ups: background tasks without arguments. The rows say what is due, so a lost wake-up only delays work."""

from functools import cache

from django_q.brokers import Broker
from django_q.tasks import async_task


def send(task: str) -> None:
    """Queue the task of this dotted name. Inside a transaction it is sent when, and only if, that commits."""
    async_task(task, save=False)


class _Recorder(Broker):  # type: ignore[misc]
    """A broker that records the payload instead of queueing it."""

    payload = ""

    def enqueue(self, task: str) -> int:
        self.payload = task
        return 0


@cache
def as_row(task: str) -> tuple[str, str]:
    """Return key and payload of the wake-up as django-q2's table holds them, for SQL that queues it itself."""
    recorder = _Recorder()
    async_task(task, save=False, broker=recorder)
    return str(recorder.list_key), recorder.payload
