"""The control API under /_sandbox/schedules/: change or upgrade a schedule, ask who is on call. No sign-in."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from pagerduty_app.sandbox.control.views import body_of
from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.refusals import invalid, not_found
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world.schedules import definitions, shift_based
from pagerduty_app.sandbox.world.schedules.on_call import on_call_at
from pagerduty_app.sandbox.world.schedules.times import moment
from pagerduty_app.sandbox.world.schedules.upgrade import upgrade as upgraded
from pagerduty_app.sandbox.world.start import reference_to

Json = dict[str, Any]


@require_POST
def schedule(request: HttpRequest, some_id: str) -> HttpResponse:
    """Change the rotation of a schedule.

    {"users": [ids]?, "turn_seconds"?, "start"?, "time_zone"?}; of a shift-based one {"rotations": [[event]]}, an event
    {"start", "end", "time_zone", "recurrence", "users": [id or null], "every"?, "each"?}.
    """
    sandbox, body = sandbox_of(request), body_of(request)
    found = _schedule(sandbox, some_id)
    if found["type"] == "schedule_v3":
        found["rotations"] = [
            definitions.rotation([_event(sandbox, row) for row in rows]) for rows in body["rotations"]
        ]
        sandbox.store.put("schedule_v3", some_id, found)
        return JsonResponse({"rotations": [row["id"] for row in found["rotations"]]})
    layer = found["schedule_layers"][0]
    found["time_zone"] = str(body.get("time_zone", found["time_zone"]))
    if "users" in body:
        people = [_user(sandbox, user) for user in body["users"]]
        layer["users"] = [{"user": user} for user in people]
        found["users"] = people
    if "start" in body:
        layer["start"] = layer["rotation_virtual_start"] = moment(body["start"]).isoformat()
    layer["rotation_turn_length_seconds"] = int(
        body.get("turn_seconds", layer["rotation_turn_length_seconds"])
    )
    sandbox.store.put("schedule", some_id, found)
    return JsonResponse({})


def _event(sandbox: Sandbox, row: Json) -> Json:
    users = [_user(sandbox, user)["id"] if user else None for user in row["users"]]
    if not users:
        raise invalid("An event has at least one member.")
    return definitions.event(
        moment(row["start"]),
        moment(row["end"]),
        str(row["time_zone"]),
        [str(line) for line in row["recurrence"]],
        users,
        every=bool(row.get("every")),
        each=int(row.get("each", 1)),
    )


@require_http_methods(["POST", "DELETE"])
def overrides(request: HttpRequest, some_id: str) -> HttpResponse:
    """POST {"user", "start", "end"}: add an override for everybody on call then; DELETE: remove all overrides."""
    sandbox = sandbox_of(request)
    found = _schedule(sandbox, some_id)
    by_shifts = found["type"] == "schedule_v3"
    kind = "override_shifts" if by_shifts else "overrides"
    rows: list[Json] = []
    if request.method == "POST":
        body = body_of(request)
        start, end = (moment(body.get(name)).isoformat() for name in ("start", "end"))
        user = _user(sandbox, body.get("user"))
        rows = shift_based.rows(sandbox.store, kind, some_id)
        if by_shifts:
            rows += definitions.override_shifts(found, user["id"], start, end)
        else:
            rows.append(definitions.layer_override(user, start, end))
    sandbox.store.put(kind, some_id, {"rows": rows})
    return JsonResponse({"overrides": len(rows)})


@require_POST
def custom_shifts(request: HttpRequest, some_id: str) -> HttpResponse:
    """{"user", "start", "end"}: add a custom shift to a shift-based schedule."""
    sandbox, body = sandbox_of(request), body_of(request)
    _schedule(sandbox, some_id)
    start, end = (moment(body.get(name)).isoformat() for name in ("start", "end"))
    rows = shift_based.rows(sandbox.store, "custom_shifts", some_id)
    rows.append(definitions.custom_shift(_user(sandbox, body.get("user"))["id"], start, end))
    sandbox.store.put("custom_shifts", some_id, {"rows": rows})
    return JsonResponse({"custom_shifts": len(rows)})


@require_POST
def upgrade(request: HttpRequest, some_id: str) -> HttpResponse:
    """{"at"?, "history"?}: make a layer-based schedule shift-based in place. Its shifts begin `at`, now unless given;
    with `history` from its beginning."""
    sandbox, body = sandbox_of(request), body_of(request)
    found = _schedule(sandbox, some_id)
    if found["type"] == "schedule_v3":
        raise invalid("It is shift-based already.")
    at = moment(body["at"]) if "at" in body else datetime.now(UTC)
    made = upgraded(sandbox.store, found, None if body.get("history") else at)
    return JsonResponse({"type": made["type"]})


@require_POST
def policy(request: HttpRequest, some_id: str) -> HttpResponse:
    """{"levels": [[ids of users and schedules]]}: change who an escalation policy pages at each level."""
    sandbox, body = sandbox_of(request), body_of(request)
    found = sandbox.store.get("escalation_policy", some_id)
    if found is None:
        raise not_found()
    found["escalation_rules"] = [
        {
            "id": f"{some_id}R{number}",
            "escalation_delay_in_minutes": 30,
            "targets": [_target(sandbox, target) for target in targets],
        }
        for number, targets in enumerate(body["levels"])
    ]
    sandbox.store.put("escalation_policy", some_id, found)
    return JsonResponse({"levels": len(found["escalation_rules"])})


@require_POST
def on_call(request: HttpRequest, some_id: str) -> HttpResponse:
    """{"at": [times]} → {"on_call": [[user ids] for each time]}."""
    sandbox, body = sandbox_of(request), body_of(request)
    found = _schedule(sandbox, some_id)
    times = [moment(text) for text in body["at"]]
    return JsonResponse({"on_call": [on_call_at(sandbox.store, found, at) for at in times]})


def _target(sandbox: Sandbox, some_id: str) -> Json:
    """Return the reference to a user or a schedule."""
    if sandbox.store.get("user", some_id):
        return _user(sandbox, some_id)
    found = _schedule(sandbox, some_id)
    return reference_to(found) | {"summary": found["name"]}


def _schedule(sandbox: Sandbox, some_id: str) -> Json:
    found = sandbox.store.get("schedule", some_id) or sandbox.store.get("schedule_v3", some_id)
    if found is None:
        raise not_found()
    return found


def _user(sandbox: Sandbox, some_id: Any) -> Json:
    """Return the reference to a user."""
    found = sandbox.store.get("user", str(some_id))
    if found is None:
        raise not_found()
    return reference_to(found)
