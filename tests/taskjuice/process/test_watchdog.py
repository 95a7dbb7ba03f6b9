"""The watchdog ends workers that are stuck, and only those."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from taskjuice.process import watchdog
from taskjuice.process.supervisor import Child
from taskjuice.process.watchdog import STALE_AFTER, Watchdog
from workflows import worker
from workflows.models import Heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture
def cluster() -> Iterator[Child]:
    """A process that has been there for long and has nothing to say."""
    child = Child("workers", ["-c", "import time; time.sleep(600)"], dict(os.environ))
    child.start()
    child.started_at = time.monotonic() - 10 * STALE_AFTER.total_seconds()
    yield child
    child.kill()


@pytest.fixture
def dog(cluster: Child, monkeypatch: pytest.MonkeyPatch) -> Watchdog:
    monkeypatch.setattr(watchdog, "_SWEEP_EVERY", 0.0)
    return Watchdog(cluster)


def last_beat(before: timedelta) -> None:
    Heartbeat.objects.create(name=settings.NODE_NAME, beat_at=timezone.now() - before)


def ended(cluster: Child) -> bool:
    assert cluster.process is not None
    return cluster.process.poll() is not None


def test_a_cluster_that_is_silent_for_long_is_ended(dog: Watchdog, cluster: Child) -> None:
    last_beat(2 * STALE_AFTER)

    dog.look()

    assert ended(cluster)


def test_one_that_gave_a_sign_of_life_goes_on(dog: Watchdog, cluster: Child) -> None:
    last_beat(STALE_AFTER / 2)

    dog.look()

    assert not ended(cluster)


def test_one_that_could_not_because_the_database_was_away_goes_on(
    dog: Watchdog, cluster: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    last_beat(2 * STALE_AFTER)

    def away() -> Any:
        raise OperationalError

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(worker, "anything_due", away)
        dog.look()
    dog.look()

    assert not ended(cluster)
