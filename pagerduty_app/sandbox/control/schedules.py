"""The control API under /_sandbox/schedules/: change a rotation, add an override. No sign-in."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from pagerduty_app.sandbox.control.views import body_of
from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.refusals import not_found
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world import schedules
from pagerduty_app.sandbox.world.start import reference_to

Json = dict[str, Any]


@require_POST
def schedule(request: HttpRequest, some_id: str) -> HttpResponse:
    """{"users": [ids]?, "turn_seconds"?, "start"?}: change the rotation of a schedule."""
    sandbox, body = sandbox_of(request), body_of(request)
    found = _schedule(sandbox, some_id)
    layer = found["schedule_layers"][0]
    if "users" in body:
        people = [_user(sandbox, user) for user in body["users"]]
        layer["users"] = [{"user": user} for user in people]
        found["users"] = people
    if "start" in body:
        layer["start"] = layer["rotation_virtual_start"] = schedules.moment(body["start"]).isoformat()
    layer["rotation_turn_length_seconds"] = int(
        body.get("turn_seconds", layer["rotation_turn_length_seconds"])
    )
    sandbox.store.put("schedule", some_id, found)
    return JsonResponse({})


@require_http_methods(["POST", "DELETE"])
def overrides(request: HttpRequest, some_id: str) -> HttpResponse:
    """POST {"user", "start", "end"}: add an override; DELETE: remove all overrides."""
    sandbox = sandbox_of(request)
    _schedule(sandbox, some_id)
    rows: list[Json] = []
    if request.method == "POST":
        body = body_of(request)
        start, end = (schedules.moment(body.get(name)).isoformat() for name in ("start", "end"))
        user = _user(sandbox, body.get("user"))
        rows = [*schedules.overrides(sandbox.store, some_id), {"start": start, "end": end, "user": user}]
    sandbox.store.put("overrides", some_id, {"rows": rows})
    return JsonResponse({"overrides": len(rows)})


def _schedule(sandbox: Sandbox, some_id: str) -> Json:
    found = sandbox.store.get("schedule", some_id)
    if found is None:
        raise not_found()
    return found


def _user(sandbox: Sandbox, some_id: Any) -> Json:
    """Return the reference to a user."""
    found = sandbox.store.get("user", str(some_id))
    if found is None:
        raise not_found()
    return reference_to(found)
