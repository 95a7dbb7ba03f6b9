"""What tests of on-call changes begin with, and the watch as it is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pagerduty_app.sandbox.sandbox import Sandbox
from workflows.models import Watch

KEY = "pagerduty/on-call-changed"
ROTATION = "PSCHED02"
NINE = datetime(2026, 11, 30, 9, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
At = Callable[[datetime], list[dict[str, Any]]]
Tell = Callable[..., None]


def said(data: dict[str, Any]) -> tuple[str, str, str]:
    names = [
        "+".join(user["summary"].split()[0] for user in data[side]) for side in ("users_before", "users_now")
    ]
    return (data["at"][8:16], *names)


def watch() -> Watch:
    return Watch.objects.get()


def fault(sandbox: Sandbox, kind: str = "status", times: int = 1, **more: Any) -> None:
    rule = {"kind": kind, "path": f"^/schedules/{ROTATION}", "method": "GET", "times": times, **more}
    sandbox.faults.add([rule])
