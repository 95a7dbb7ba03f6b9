"""Start-up of a worker process, before its first task."""

import gc
from typing import Any

from django.db.backends.signals import connection_created
from django.dispatch import receiver
from django_q.signals import post_spawn

from core.db.postgresql import patience, plans
from workflows.worker import starting


@receiver(post_spawn)
def settle(**kwargs: Any) -> None:
    """Begin work in threads, and freeze the loaded objects: the garbage collector does not traverse them again."""
    connection_created.connect(plans.go_by_index)
    connection_created.connect(patience.free_locks)
    starting.use_threads()
    gc.collect()
    gc.freeze()
