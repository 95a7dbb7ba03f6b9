"""A run to look at, and where it is shown."""

from collections.abc import Callable
from typing import Any

from django.urls import reverse

from tests.factories import incident_event
from workflows.engine import fanout
from workflows.models import Run

Deliver = Callable[..., Any]
LIST = reverse("workflows:runs")


def address(run: Run, name: str = "run") -> str:
    return reverse(f"workflows:{name}", args=[run.id])


def one_run(deliver: Deliver, **payload: Any) -> Run:
    """Made, and not yet begun."""
    deliver(incident_event(**payload))
    fanout.fan_out_due()
    return Run.objects.latest("seq")
