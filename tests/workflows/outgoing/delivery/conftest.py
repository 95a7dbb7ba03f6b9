"""A server that receives webhooks, and short waits."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.http_sinks import Sink, sink
from workflows.outgoing import attempt as delivery
from workflows.outgoing.transport import http


@pytest.fixture(autouse=True)
def _short(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sinks are local here, and half a second is as good as fifteen."""
    settings.HOOKS_ALLOW_PRIVATE = True
    monkeypatch.setattr(http, "SECONDS", 0.5)
    monkeypatch.setattr(delivery, "_HELD_TIMES", 0)


@pytest.fixture
def server() -> Iterator[Sink]:
    with sink() as made:
        yield made
