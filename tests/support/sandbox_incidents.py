"""Incidents of different ages in the sandbox."""

from datetime import UTC, datetime, timedelta

from pagerduty_app.sandbox.sandbox import Sandbox


def fill(
    sandbox: Sandbox,
    count: int,
    *,
    apart: timedelta = timedelta(seconds=7),
    newest: datetime | None = None,
    service: str = "PSVC00",
) -> list[str]:
    """That many incidents, oldest first, so far apart from each other. Return their IDs."""
    end = newest or datetime.now(UTC) - timedelta(minutes=1)
    times = [end - apart * number for number in range(count)]
    with sandbox.store.transaction():
        return [
            sandbox.incidents.insert("PACME01", service, created_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"))["id"]
            for at in reversed(times)
        ]


def note_down(sandbox: Sandbox, incident_id: str, count: int) -> None:
    """Have the incident's log tell of that many notifications more."""
    incident, user = sandbox.incidents.get("PACME01", incident_id), sandbox.person("PACME01")
    with sandbox.store.transaction():
        for _ in range(count):
            sandbox.incidents.note_down(incident, "notify_log_entry", user)
