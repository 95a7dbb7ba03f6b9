"""The open deadlines of a trigger, for its page and the API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min

from workflows import catalog
from workflows.models import Deadline, Trigger


@dataclass(frozen=True)
class State:
    """open: how many are; next_due_at: of these, the first; passed_at: when one last passed.

    trouble: why the provider cannot be asked, as action calls have their errors; since: when that began.
    """

    open: int
    next_due_at: datetime | None
    passed_at: datetime | None
    trouble: dict[str, Any] | None
    trouble_since: datetime | None

    @property
    def is_full(self) -> bool:
        """Return whether no further one can begin."""
        return self.open >= Deadline.MOST


def of(trigger: Trigger) -> State | None:
    """Return the state; None for a trigger without deadlines."""
    if catalog.deadline_rule(trigger.key) is None:
        return None
    rows = Deadline.objects.filter(trigger=trigger)
    open_ = Deadline.objects.open().filter(trigger=trigger).order_by()
    counted = open_.aggregate(open=Count("pk"), next_due_at=Min("due_at"))
    failing = open_.filter(trouble__isnull=False).order_by("trouble_since").first()
    passed = (
        rows.filter(status=Deadline.Status.PASSED).order_by("-ended_at").values_list("ended_at", flat=True)
    )
    return State(
        **counted,
        passed_at=passed.first(),
        trouble=failing.trouble if failing else None,
        trouble_since=failing.trouble_since if failing else None,
    )
