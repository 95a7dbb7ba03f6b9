"""Input of create-override, and the stretch of time that it means."""

from datetime import datetime, timedelta
from typing import Any

from rest_framework import serializers

from core.db import clock
from pagerduty_app.actions.fields import Id, Moment, from_field, schedule_field
from pagerduty_app.actions.lookups import USERS
from pagerduty_app.schedules.coverage import Stretch
from workflows.catalog import Caller, Json, ProviderError
from workflows.catalog.schemas import ActionInput

# PagerDuty renders at most three months of a schedule at once (developer docs, schedule entries).
_LONGEST = timedelta(days=92)


class CreateOverrideInput(ActionInput):
    """Input of create-override: an end or a duration. Without a start: now."""

    schedule_id = schedule_field()
    user_id = Id(label="User", lookup=USERS)
    start = Moment(required=False, label="Start", help_text="Default: now")
    end = Moment(required=False, label="End", help_text=f"At most {_LONGEST.days} days after the start")
    duration_minutes = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=_LONGEST // timedelta(minutes=1),
        label="Duration in minutes",
        help_text="In place of an end",
    )

    class Meta:
        keyword_fields = {"from": from_field(unsent="overrides")}
        exactly_one = ("end", "duration_minutes")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if {"start", "end"} <= attrs.keys() and (said := _fault(attrs["start"], attrs["end"])):
            raise serializers.ValidationError({"end": [said]})
        return attrs


def stretch_of(data: Json, caller: Caller) -> Stretch:
    """Return the stretch of a call. It begins when the call is first sent at the earliest, and keeps that start in all
    repeats: who was on call before stays as it was. A duration counts from the start that was given."""
    first_sent = _first_sent(caller)
    start = data.get("start") or first_sent
    end = data.get("end") or start + timedelta(minutes=data["duration_minutes"])
    return Stretch(max(start, first_sent).replace(microsecond=0), end.replace(microsecond=0))


def check_stretch(stretch: Stretch, data: Json) -> None:
    """Raise ProviderError if it is over, or is too long from now on."""
    over = "The override is not created: its time is over." if stretch.end <= clock.now() else ""
    if said := over or _fault(*stretch):
        raise at_fault(data, said)


def at_fault(data: Json, said: str) -> ProviderError:
    """Return the error that names the field by which the end was given."""
    field = "end" if data.get("end") else "duration_minutes"
    return ProviderError("invalid_input", said, fields={field: [said]})


def _first_sent(caller: Caller) -> datetime:
    kept = (caller.baseline or {}).get("start")
    return clock.now() if kept is None else datetime.fromisoformat(kept)


def _fault(start: datetime, end: datetime) -> str:
    if end <= start:
        return "Must be later than the start."
    return f"Must be at most {_LONGEST.days} days after the start." if end - start > _LONGEST else ""
