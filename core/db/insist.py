"""Insisting on a write: what others have answered, and will not answer again, is stored though the database is away."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection

from core.db import lending

log = structlog.get_logger(__name__)
Stored = TypeVar("Stored")
_PAUSE = 0.25


def insist(write: Callable[[], Stored], seconds: float) -> Stored:
    """Return what `write` returns; it is called again while the database does not serve it, for about `seconds`.

    write: may be repeated without harm; in a caller's transaction it is not. Raises what it raised last.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or time.monotonic() >= until:
                raise
            log.warning("write_repeated", error=type(error).__name__)
            connection.close_if_unusable_or_obsolete()
            lending.give_back()
            time.sleep(_PAUSE)
