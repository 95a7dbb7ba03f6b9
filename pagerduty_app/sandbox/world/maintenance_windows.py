"""Maintenance windows of services (api-schema, MaintenanceWindow)."""

import secrets
from datetime import UTC, datetime
from typing import Any

from pagerduty_app.sandbox.refusals import invalid
from pagerduty_app.sandbox.world.start import reference, reference_to
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
KIND = "maintenance_window"
STATES = ("past", "future", "ongoing", "open", "all")


def create(store: Store, base_url: str, account: str, user: Json, wanted: Json) -> Json:
    """Create a window and return it. wanted: the object of POST /maintenance_windows. Raise Refused."""
    now = datetime.now(UTC).replace(microsecond=0)
    start, end = (_time(wanted, name) for name in ("start_time", "end_time"))
    start = max(start, now)  # a start in the past becomes the present time
    if end <= start:
        raise invalid("End time must be in the future and after the start time.")
    services, description = _services(store, account, wanted.get("services")), wanted.get("description")
    if not isinstance(description, str | None):
        raise invalid("Description must be a string.")
    some_id = f"P{secrets.token_hex(6).upper()}"
    subdomain = (store.get("account", account) or {})["subdomain"]
    with store.transaction():
        made = {
            **reference(base_url, KIND, some_id, description or "Maintenance"),
            "type": KIND,
            "html_url": f"{base_url}/app/{subdomain}/maintenance_windows",
            "sequence_number": store.count(KIND, account) + 1,
            "start_time": _text(start),
            "end_time": _text(end),
            "description": description or "",
            "services": [reference_to(service) for service in services],
            "teams": [],
            "created_by": reference_to(user),
        }
        store.put(KIND, some_id, made, account)
    return made


def listed(store: Store, account: str, state: str) -> list[Json]:
    """Return the windows in one of STATES, newest first."""
    now = datetime.now(UTC)
    windows = store.all(KIND, account)[::-1]
    return [window for window in windows if state in ("all", *_states(window, now))]


def services_in_maintenance(store: Store, account: str) -> set[str]:
    """Return the ids of the services that have an ongoing window."""
    windows = listed(store, account, "ongoing")
    return {service["id"] for window in windows for service in window["services"]}


def _states(window: Json, now: datetime) -> tuple[str, ...]:
    if datetime.fromisoformat(window["end_time"]) <= now:
        return ("past",)
    return ("open", "future" if datetime.fromisoformat(window["start_time"]) > now else "ongoing")


def _time(wanted: Json, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(str(wanted.get(name)))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise invalid(f"{name.replace('_', ' ').capitalize()} must be a time with an offset.")
    return at.astimezone(UTC)


def _services(store: Store, account: str, rows: Any) -> list[Json]:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise invalid("Services can't be empty.")
    known = {service["id"]: service for service in store.all("service", account)}
    found = [known.get(str(row.get("id"))) for row in rows]
    services = [service for service in found if service is not None]
    if len(services) < len(rows):
        raise invalid("Service not found.")
    return services


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
