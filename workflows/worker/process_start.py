"""What a worker process does when it begins, before its first task."""

import gc
from typing import Any

from django.db.backends.signals import connection_created
from django.dispatch import receiver
from django_q.signals import post_spawn

from core.db.postgresql import plans


@receiver(post_spawn)
def settle(**kwargs: Any) -> None:
    """What is loaded by now stays, so the garbage collector need not go through it again and again."""
    connection_created.connect(plans.go_by_index)
    gc.collect()
    gc.freeze()
