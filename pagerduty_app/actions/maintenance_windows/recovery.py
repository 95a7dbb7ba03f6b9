"""The window of an earlier attempt whose response was lost (api-schema, listMaintenanceWindows; needs services.read).

It has the creator, description, services and start of the call, its end or an earlier one, was not there before the
first attempt, and is not the result of an equal call.
"""

from datetime import datetime, timedelta

from core.db import clock
from pagerduty_app.actions import equal_calls
from pagerduty_app.actions.clocks import ABOUT, SKEW
from pagerduty_app.actions.requester import requester_id
from pagerduty_app.client import Api
from pagerduty_app.client.paging import whole
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.errors.table import CHECKING_FOR_WINDOW
from workflows.catalog import Caller, Json
from workflows.formatting.datetimes import moment

_BASELINE, _START = "maintenance_windows", "start"


def baseline(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return the start and which windows like this one are there already, None before a repeat. Raise ProviderError.

    Only open ones: the window that is to be created ends in the future.
    """
    if caller.sent_before:
        return None
    before = [window["id"] for window in _alike(api, data, caller, "open")]
    return {_START: data["start"].isoformat(), _BASELINE: before}


def recover(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return the output of an earlier attempt, None if it created no window. Raise ProviderError.

    Past ones count, too: the window may have ended, or been ended, since. The oldest one is ours: a later one may be
    that of an equal call whose baseline has ours.
    """
    before = (caller.baseline or {}).get(_BASELINE, ())
    alike = sorted(_alike(api, data, caller, "all"), key=_number)
    ours = [row for row in alike if row["id"] not in before and _is_then(row, data, caller)]
    found = equal_calls.unclaimed(ours, caller, "maintenance_window", CHECKING_FOR_WINDOW)
    return {"maintenance_window": found} if found else None


def _number(window: Json) -> int:
    """Return its place in the order of creation; PagerDuty counts them."""
    number = window.get("sequence_number")
    return number if isinstance(number, int) else 0


def times(data: Json, caller: Caller) -> tuple[datetime, datetime]:
    """Return start and end. A window that begins now keeps its start in all repeats, from when it was first sent."""
    kept = (caller.baseline or {}).get(_START)
    given = datetime.fromisoformat(kept) if kept else data.get("start")
    start = given or clock.now().replace(microsecond=0)
    return start, data.get("end") or start + timedelta(minutes=data["duration_minutes"])


def _alike(api: Api, data: Json, caller: Caller, state: str) -> list[Json]:
    """Return the windows in this state with the creator, services and description of the call, at any time."""
    creator = requester_id(api, data, caller)
    # A window of all these services is among those of one.
    wanted = {"service_ids": data["service_ids"][:1], "filter": state}
    with provider_errors():
        pages = api.everything("maintenance_windows", wanted, caller.until)
        said = "The maintenance windows could not all be read."
        rows = whole(pages, said, outcome_unknown=caller.sent_before)
    return [row for row in rows if _is_alike(row, data, creator)]


def _is_alike(window: Json, data: Json, creator: str) -> bool:
    user, services = window.get("created_by"), window.get("services")
    if not isinstance(user, dict) or user.get("id") != creator or not isinstance(services, list):
        return False
    ids = [row.get("id") for row in services if isinstance(row, dict)]
    if {some_id for some_id in ids if isinstance(some_id, str)} != set(data["service_ids"]):
        return False
    return str(window.get("description") or "").strip() == str(data.get("description", "")).strip()


def _is_then(window: Json, data: Json, caller: Caller) -> bool:
    """Return whether a window can have come of the times that this call has sent.

    PagerDuty replaces a start in the past by the present time of its clock (api-schema, MaintenanceWindow.start_time).
    An earlier end is ours, too: a person may have ended the window since.
    """
    start, end = moment(window.get("start_time")), moment(window.get("end_time"))
    if start is None or end is None:
        return False
    (sent_start, sent_end), now = times(data, caller), clock.now()
    earliest = max(sent_start - ABOUT, (caller.first_sent_at or now) - SKEW)
    return earliest <= start <= max(sent_start + ABOUT, now + SKEW) and start <= end <= sent_end + ABOUT
