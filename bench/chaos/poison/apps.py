"""Patch the functions that read events, when Django starts."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.apps import AppConfig

_SHORT = os.environ.get("POISON_LEASE_SECONDS")
Read = Callable[[Any], dict[str, Any]]


class Poison(AppConfig):
    """Raise or kill by the event's title: `<where> raises …` or `<where> kills …`.

    where: `event` (creating its runs) or `run` (executing one).
    """

    name = "bench.chaos.poison"

    def ready(self) -> None:
        from workflows.engine import (  # noqa: PLC0415
            executor,
            fanout,
            leases,
        )

        readers: dict[str, Any] = {"event": fanout, "run": executor}
        for where, module in readers.items():
            module.fields_of = _poisoned(where, module.fields_of)
        if _SHORT:  # as many attempts, sooner
            leases.EventLease.length = leases.RunLease.length = timedelta(seconds=float(_SHORT))


def _poisoned(where: str, read: Read) -> Read:
    def reading(event: Any) -> dict[str, Any]:
        fields = read(event)
        title = str(fields["trigger"]["incident"]["title"])
        if title.startswith(f"{where} raises"):
            raise RuntimeError("poison")
        if title.startswith(f"{where} kills"):
            os.kill(os.getpid(), signal.SIGKILL)
        return fields

    return reading
