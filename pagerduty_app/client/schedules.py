"""Operations on schedules (PagerDuty api-schema; scope schedules.read, writes schedules.write).

Layer-based schedules are /schedules, shift-based ones /v3/schedules.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

from pagerduty_app.client.errors import PagerDutyError
from pagerduty_app.client.http.query import spelt
from pagerduty_app.client.http.transport import Transport
from pagerduty_app.client.ids import checked
from pagerduty_app.client.paging import Walk, by_offset, object_of, rows_of

Json = dict[str, Any]
Collection = Literal["overrides", "custom_shifts"]


class Schedules:
    """Operations of an Api. None of the writes is idempotent. Every method raises PagerDutyError."""

    _http: Transport

    def schedule(self, schedule_id: str, params: Mapping[str, Any]) -> Json:
        """Return {"schedule": …} with its shifts between since and until; 400 or 404 if it is shift-based."""
        return self._http.ask("GET", f"/schedules/{checked(schedule_id)}", params=spelt(params))

    def shift_based_schedule(self, schedule_id: str, params: Mapping[str, Any]) -> Json:
        """Return {"schedule": …}, with include final_schedule also its shifts; 400 if it is layer-based."""
        return self._http.ask("GET", f"/v3/schedules/{checked(schedule_id)}", params=spelt(params))

    def shift_based_schedules(self, params: Mapping[str, Any]) -> Json:
        """Return one page of at most 1,000 references to shift-based schedules."""
        return self._http.ask("GET", "/v3/schedules", params=spelt(params))

    def schedule_users(self, schedule_id: str, params: Mapping[str, Any]) -> Json:
        """Return {"users": …}: the users on call between since and until (scope users.read)."""
        return self._http.ask("GET", f"/schedules/{checked(schedule_id)}/users", params=spelt(params))

    # --- overrides --------------------------------------------------------------------------------------
    def overrides(self, schedule_id: str, params: Mapping[str, Any]) -> list[Json]:
        """Return the overrides of a layer-based schedule between since and until, which are required."""
        path = f"/schedules/{checked(schedule_id)}/overrides"
        return rows_of(self._http.ask("GET", path, params=spelt(params)), "overrides")

    def create_override(self, schedule_id: str, override: Json) -> Json:
        """Return the override made in a layer-based schedule. PagerDuty gives each override a status of its own."""
        path, results = f"/schedules/{checked(schedule_id)}/overrides", "overrides"
        answer = self._http.ask("POST", path, body={"overrides": [override]}, list_as=results)
        rows = answer.get(results)
        result = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
        status = result.get("status")
        if isinstance(status, int) and status >= 300:
            raise self._http.refused(result, status)
        return object_of(result, "override", needs=("id",), writes=True)

    def parts_of_shifts(
        self, schedule_id: str, collection: Collection, params: Mapping[str, Any], until: float = math.inf
    ) -> Walk:
        """Return all overrides or custom shifts of a shift-based schedule between since and until.

        until: `time.monotonic()` after which no further page is requested.
        """
        path = f"/v3/schedules/{checked(schedule_id)}/{collection}"

        def fetch(at: Mapping[str, Any]) -> Json:
            return self._http.ask("GET", path, params=spelt({**params, **at}))

        return Walk(by_offset(fetch, collection, until))

    def create_parts_of_shifts(
        self, schedule_id: str, collection: Collection, rows: list[Json]
    ) -> list[Json]:
        """Return the overrides or custom shifts made in a shift-based schedule: all of them or none.

        A response with another number of rows does not say what was made: its outcome is unknown.
        """
        path = f"/v3/schedules/{checked(schedule_id)}/{collection}"
        answer = self._http.ask("POST", path, body={collection: rows})
        try:
            made = rows_of(answer, collection)
        except PagerDutyError as error:
            raise _unknown(error.message) from None
        if len(made) != len(rows):
            raise _unknown(
                f"PagerDuty's answer holds {len(made)} of {len(rows)} {collection.replace('_', ' ')}."
            )
        return made


def _unknown(message: str) -> PagerDutyError:
    return PagerDutyError(message, status=200, retryable=True, outcome_unknown=True)
