"""The plans that a session keeps of statements that are always the same. On SQLite there is nothing to do."""

import time
from typing import Any

from django.db import connection

# Each question of the workers has an index (tests/workflows/queue/test_query_plans.py). PostgreSQL keeps the plans of
# those that are always the same, and one that was made while a table was small would go on to read the whole of it. So
# that is not chosen, and what is chosen then is kept, because a new plan takes longer than what it is for.
_BY_INDEX = "SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan"

# Which index is the right one changes as a table grows, faster than its statistics tell.
_KEPT_SECONDS = 2.0


def go_by_index(connection: Any, **kwargs: Any) -> None:
    """Have this session's questions answered by indexes, however small the tables are now."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_BY_INDEX)


def forget_old(session: Any = connection) -> None:
    """Discard the plans of this session if they are older than a few seconds; call it often."""
    if session.vendor != "postgresql" or session.connection is None:
        return
    now = time.monotonic()
    if now - getattr(session, "plans_kept_since", 0.0) > _KEPT_SECONDS:
        session.plans_kept_since = now
        with session.cursor() as cursor:
            cursor.execute("DISCARD PLANS")
