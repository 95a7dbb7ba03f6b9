"""Undelivered events, derived from the present incidents (PagerDuty api-schema, listIncidents).

An incident shows when it was created, acknowledged (as long as it is) and resolved; not what it went through in
between. So the last acknowledgement and the last resolution can be found, and which ones cannot is said.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads.incidents import as_delivered
from workflows.catalog import Json, Missed, MissedChange, Reach
from workflows.formatting.datetimes import moment

# `since` and `until` of the listing are about when incidents were created: older ones change, too.
_OPENED_BEFORE = timedelta(days=30)
_MOST_READ = 2_000
_MOST_FOUND = 500
_LISTING_SECONDS = 45.0
_MOST_NAMED = 5


def _created(incident: Json) -> datetime | None:
    return moment(incident.get("created_at"))


def _acknowledged(incident: Json) -> datetime | None:
    given = incident.get("acknowledgements")
    entries = given if isinstance(given, list) else []
    moments = [moment(entry.get("at")) for entry in entries if isinstance(entry, dict)]
    if incident.get("status") != "acknowledged":
        return None
    return max((at for at in moments if at), default=moment(incident.get("last_status_change_at")))


def _resolved(incident: Json) -> datetime | None:
    if incident.get("status") != "resolved":
        return None
    return moment(incident.get("resolved_at")) or moment(incident.get("last_status_change_at"))


_FINDS: dict[str, Callable[[Json], datetime | None]] = {
    "incident.triggered": _created,
    "incident.acknowledged": _acknowledged,
    "incident.resolved": _resolved,
}
_CANNOT = {
    "incident.acknowledged": (
        "Acknowledgements of incidents that were resolved or triggered again since then cannot be recovered."
    ),
    "incident.resolved": "Resolutions of incidents that were reopened since then cannot be recovered.",
    "incident.annotated": "Notes added in the meantime cannot be recovered.",
}


def missed(api: Api, events: frozenset[str], reach: Reach, since: datetime, until: datetime) -> Missed:
    """The changes of those types between the two times, as far as they still show."""
    since = since.replace(microsecond=0)  # PagerDuty shows whole seconds
    words = [_CANNOT[kind] for kind in sorted(events & _CANNOT.keys())]
    words += _unknown(sorted(events - _FINDS.keys() - _CANNOT.keys()))
    if not events & _FINDS.keys():
        return Missed([], " ".join(words))
    incidents, all_read = _incidents(api, reach, since - _OPENED_BEFORE, until)
    if events - {"incident.triggered"}:
        words.append(f"Incidents opened before {since - _OPENED_BEFORE:%Y-%m-%d} were not checked.")
    if not all_read:
        words.append(f"There were more than {_MOST_READ:,} incidents; only the newest were checked.")
    found: list[tuple[datetime, int, MissedChange]] = []
    for kind in sorted(events & _FINDS.keys()):
        for incident in incidents:
            at = _FINDS[kind](incident)
            if at is not None and since <= at <= until:
                found.append((at, _number(incident), _change(kind, incident, at)))
    found.sort(key=lambda entry: (entry[0], entry[1], entry[2].event_type))
    if len(found) > _MOST_FOUND:
        words.append(f"Only the newest {_MOST_FOUND} of {len(found):,} changes were taken.")
        found = found[-_MOST_FOUND:]
    return Missed([change for _, _, change in found], " ".join(words))


def _unknown(kinds: list[str]) -> list[str]:
    """Name the types that no present state shows, in one sentence."""
    if not kinds:
        return []
    if len(kinds) == 1:
        return [f"Events of the type {kinds[0]} cannot be recovered."]
    more = f" and {len(kinds) - _MOST_NAMED} more" if len(kinds) > _MOST_NAMED else ""
    return [f"Events of the types {', '.join(kinds[:_MOST_NAMED])}{more} cannot be recovered."]


def _number(incident: Json) -> int:
    """Incidents of the same second are in the order of their numbers."""
    number = incident.get("incident_number")
    return number if isinstance(number, int) else 0


def _incidents(api: Api, reach: Reach, since: datetime, until: datetime) -> tuple[list[Json], bool]:
    """The newest first, and whether that were all."""
    params: Json = {
        "since": _text(since),
        "until": _text(until + timedelta(seconds=1)),
        "sort_by": "created_at:desc",
    }
    if reach.kind != "account":
        params[f"{reach.kind}_ids"] = [reach.id]
    rows: list[Json] = []
    read = 0
    walk = api.everything("incidents", params, end := time.monotonic() + _LISTING_SECONDS)
    with provider_errors():
        for page in walk:
            rows += [row for row in page if _usable_id(row["id"])]
            read += len(page)
            if read >= _MOST_READ:
                return rows, False
        if not walk.ending.complete and time.monotonic() > end:
            raise PagerDutyError("PagerDuty timed out while listing the incidents.", retryable=True)
    return rows, walk.ending.complete


def _usable_id(some_id: Any) -> bool:
    return isinstance(some_id, str) and 0 < len(some_id) <= 64


def _change(kind: str, incident: Json, at: datetime) -> MissedChange:
    """Return the delivery that PagerDuty would have sent (developer docs, webhooks v3)."""
    external_id = f"recovered:{kind}:{incident['id']}:{_text(at)}"
    by = incident.get("last_status_change_by")
    event = {
        "id": external_id,
        "event_type": kind,
        "resource_type": "incident",
        "occurred_at": _text(at),
        "agent": by if kind != "incident.triggered" and isinstance(by, dict) else None,
        "client": None,
        "data": as_delivered(incident, kind.removeprefix("incident.")),
    }
    return MissedChange(external_id, kind, at, json.dumps({"event": event}).encode())


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
