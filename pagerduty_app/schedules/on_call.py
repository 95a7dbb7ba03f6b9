"""Users on call in a schedule during a window (PagerDuty api-schema, listScheduleUsers and getScheduleV3)."""

from datetime import datetime

from pagerduty_app.client import Api
from pagerduty_app.client.paging import rows_of
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.schedules.final_shifts import as_text, final_of, shifts_of
from pagerduty_app.schedules.kinds import LAYER_BASED, SHIFT_BASED, ask_by_kind
from pagerduty_app.schedules.people import users_by_id
from workflows.catalog import Json


def users_on_call(api: Api, schedule_id: str, since: datetime, until: datetime) -> list[Json]:
    """Return all users on call between since and until, of a layer-based schedule with users.read alone.

    Raise ProviderError.
    """
    window = {"since": as_text(since), "until": as_text(until)}
    with provider_errors():
        kind, answer = ask_by_kind(
            api,
            schedule_id,
            {
                LAYER_BASED: lambda: api.schedule_users(schedule_id, window),
                SHIFT_BASED: lambda: api.shift_based_schedule(
                    schedule_id, window | {"include": ["final_schedule"]}
                ),
            },
        )
        if kind == LAYER_BASED:
            return rows_of(answer, "users")
    # A shift that only touches the window is not on call in it.
    on_call = [
        shift.user
        for shift in shifts_of(kind, final_of(answer))
        if shift.user and shift.start < until and (shift.end is None or shift.end > since)
    ]
    known = users_by_id(api, (user["id"] for user in on_call))
    return [known.get(user["id"], user) for user in {user["id"]: user for user in on_call}.values()]
