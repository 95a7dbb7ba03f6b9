"""The wake-ups of this app (core.wakeup). The broker merges those that wait (taskjuice.process.broker)."""

from core import wakeup

DRAIN, SEND_HOOKS = "workflows.worker.drain", "workflows.worker.send_hooks"
# SQLite's fast path: queue a wake-up (key, payload, time) unless one waits. A waiting one is taken after this commit.
INSERT_UNLESS_WAITING = (
    "INSERT INTO django_q_ormq (key, payload, lock) SELECT ?1, ?2, ?3"
    " WHERE NOT EXISTS (SELECT 1 FROM django_q_ormq WHERE key = ?1 AND payload = ?2)"
)


def wake_workers() -> None:
    """Wake a worker for everything that is due. Inside a transaction the wake-up is sent only if that commits."""
    wakeup.send(DRAIN)


def wake_sender() -> None:
    """Wake a worker for messages to webhook endpoints; as `wake_workers` otherwise."""
    wakeup.send(SEND_HOOKS)
