"""A confirmed trigger, and threads that end with their test."""

import threading
from collections.abc import Iterator

import pytest
from django.core.signals import request_started
from django.db import close_old_connections
from django.utils import timezone

from workflows.inbox.fast import group_commit, notifier
from workflows.models import Trigger


@pytest.fixture
def trigger(trigger: Trigger) -> Trigger:
    """Confirmed, as every trigger is after its first delivery."""
    Trigger.objects.filter(pk=trigger.pk).update(confirmed_at=timezone.now())
    trigger.refresh_from_db()
    return trigger


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Django looks after connections at the beginning of each request; a test's own has to stay, as in its client."""
    request_started.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)


@pytest.fixture
def own_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The threads that write and notify end with the test, and their connections with them."""
    monkeypatch.setattr(group_commit, "_IDLE_AFTER", 0.05)
    monkeypatch.setattr(notifier, "_IDLE_AFTER", 0.05)
    yield
    for thread in threading.enumerate():
        if thread.name in ("deliveries", "notifier"):
            thread.join(20)
