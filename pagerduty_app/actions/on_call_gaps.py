"""The action find-on-call-gaps: times of the next days at which no one is on call."""

from datetime import datetime, timedelta

from rest_framework import serializers

from core.db import clock
from pagerduty_app.actions.fields import TIMES
from pagerduty_app.actions.get_on_call import TARGETS, OneTarget, escalation_of
from pagerduty_app.client import Api
from pagerduty_app.payloads import field_names
from pagerduty_app.schedules.final_shifts import read_rota
from pagerduty_app.schedules.rota import Gap
from workflows.catalog import ActionType, Caller, Json

_USUAL_DAYS, _MOST_DAYS = 7, 30


class GapsInput(OneTarget):
    """Input of find-on-call-gaps."""

    days = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=_MOST_DAYS,
        label="Days",
        help_text=f"How far ahead, at most {_MOST_DAYS}. Default: {_USUAL_DAYS}",
    )


def _find_gaps(api: Api, data: Json, caller: Caller) -> Json:
    since = clock.now().replace(microsecond=0)
    until = since + timedelta(days=data.get("days", _USUAL_DAYS))
    found = escalation_of(api, data, since, until)
    rota = found.anybody if found else read_rota(api, data["schedule_id"], since, until)
    gaps = rota.gaps(since, until)
    return {
        "schedule": None if found else rota.schedule,
        "service": found.service if found else None,
        "escalation_policy": found.policy if found else None,
        "gaps": [_told(gap, until) for gap in gaps],
        "covered": not gaps,
        "since": since.isoformat(),
        "until": until.isoformat(),
    }


def _told(gap: Gap, until: datetime) -> Json:
    """The gap; without an end if it goes on beyond what was asked for, as in the events of gaps ahead."""
    ended = gap.end < until
    return {
        "start": gap.start.isoformat(),
        "end": gap.end.isoformat() if ended else None,
        "hours": round((gap.end - gap.start) / timedelta(hours=1), 2) if ended else None,
    }


_GAP: Json = {
    "type": "object",
    "properties": {
        "start": {"type": "string", "format": "date-time"},
        "end": {"type": ["string", "null"], "format": "date-time"},
        "hours": {"type": ["number", "null"]},
    },
    "required": ["start", "end", "hours"],
    "additionalProperties": False,
}
ACTION = ActionType(
    key="pagerduty/find-on-call-gaps",
    name="Find on-call gaps",
    description="Finds the times of the next days at which no one is on call: in a schedule, or at any level for a "
    "service or an escalation policy.",
    scope="schedules.read",
    writes=False,
    input=GapsInput,
    output_schema={
        "type": "object",
        "properties": {
            "gaps": {"type": "array", "items": _GAP},
            "covered": {"type": "boolean"},
            **TARGETS,
            **{name: TIMES[name] for name in ("since", "until")},
        },
        "required": ["gaps", "covered", "since", "until", *TARGETS],
        "additionalProperties": False,
    },
    field_names=field_names.ON_CALL_GAPS,
    sample_input={"schedule_id": "PSCHED1", "days": 7},
    perform=_find_gaps,
)
