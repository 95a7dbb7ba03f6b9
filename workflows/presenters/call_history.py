"""The calls of a connection: its history, and how many ended how on each of the last days."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Case, Count, IntegerField, QuerySet, Value, When
from django.db.models.fields.json import KT
from django.utils import timezone

from connections.models import Connection
from core.web.date_fields import midnight
from workflows.models import ActionCall

DAYS = 14
Status = ActionCall.Status


@dataclass
class Day:
    """The calls begun on one day of the reader's zone. other: unfinished or cancelled."""

    day: date
    completed: int = 0
    failed: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        return self.completed + self.failed + self.other


def of_connection(connection: Connection) -> QuerySet[ActionCall]:
    """Newest first, with who asked and, as `said`, the error's message; without what went in and came out."""
    calls = ActionCall.objects.filter(connection=connection).defer("input", "output", "error")
    return calls.annotate(said=KT("error__message")).select_related(
        "user", "api_key", "step_run__run__workflow"
    )


def days_of(connection: Connection) -> list[Day]:
    """The last DAYS days, oldest first, today included; one query."""
    today = timezone.localdate()
    days = [today - timedelta(days=before) for before in reversed(range(DAYS))]
    begins = [midnight(day) for day in days]
    which = Case(
        *(When(created_at__lt=after, then=Value(number)) for number, after in enumerate(begins[1:])),
        default=Value(DAYS - 1),
        output_field=IntegerField(),
    )
    counted = (
        ActionCall.objects.filter(connection=connection, created_at__gte=begins[0])
        .annotate(day_number=which)
        .values_list("day_number", "status")
        .annotate(calls=Count("pk"))
        .order_by()
    )
    found = [Day(day) for day in days]
    for number, status, calls in counted:
        if status == Status.COMPLETED:
            found[number].completed += calls
        elif status == Status.FAILED:
            found[number].failed += calls
        else:
            found[number].other += calls
    return found


def who(call: ActionCall) -> str:
    """The source of the call, in words."""
    if call.origin == ActionCall.Origin.PERSON:
        return call.user.email if call.user else "Someone"
    if call.origin == ActionCall.Origin.API:
        named = f"API key {call.api_key.name}" if call.api_key else "API"
        return call.user.email + " over API" if call.user else named
    step = getattr(call, "step_run", None)
    return f"Workflow {step.run.workflow.name}" if step else "A workflow"
