"""Slots for web requests that wait for a provider: some threads always stay free for deliveries and pages."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from core.errors import Problem

_slots = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2))


@contextmanager
def provider_slot() -> Iterator[bool]:
    """Whether this request may take the time of asking a provider now; does not wait for it."""
    got = _slots.acquire(blocking=False)
    try:
        yield got
    finally:
        if got:
            _slots.release()


_streams = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


@contextmanager
def stream_slot() -> Iterator[bool]:
    """As provider_slot, for answers that last as long as their reader takes: few, and none of the others'."""
    got = _streams.acquire(blocking=False)
    try:
        yield got
    finally:
        if got:
            _streams.release()


def busy() -> Problem:
    """The answer to a request that got no slot and cannot be left to the workers."""
    return Problem(
        "busy",
        "Too many requests are waiting for a provider. Try again in a moment.",
        status=503,
        retryable=True,
        retry_after=2,
    )
