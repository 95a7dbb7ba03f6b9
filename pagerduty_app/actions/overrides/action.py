"""pagerduty/create-override: one user alone is on call in a schedule of either kind for a stretch of time."""

from pagerduty_app.actions import outcome
from pagerduty_app.actions.fields import NAMED_THING
from pagerduty_app.actions.overrides import lookup
from pagerduty_app.actions.overrides.input import CreateOverrideInput, check_stretch, stretch_of
from pagerduty_app.actions.overrides.write import check_pieces, send
from pagerduty_app.actions.requester import check_requester, writing
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads import response_names
from pagerduty_app.payloads.effects import schedule_subject
from pagerduty_app.payloads.on_call.schema import CHANGED
from pagerduty_app.schedules import coverage
from pagerduty_app.schedules.coverage import Plan, Present, Stretch
from pagerduty_app.schedules.final_shifts import as_text
from pagerduty_app.schedules.people import users_by_id, with_name
from workflows.catalog import ActionType, Caller, Effect, Json, Prepared, ProviderError

_ON_CALL = "already_on_call"
_REASONS = {_ON_CALL: "The user alone is on call for the whole time already."}
_STRETCH, _PRESENT, _PLAN = "_stretch", "_present", "_plan"
# PagerDuty refuses a schedule of the other kind so (pagerduty_app.schedules.kinds).
_OTHER_KIND = frozenset({400, 404})


def prepare(api: Api, data: Json, caller: Caller) -> Prepared:
    """Read who is on call in that time, and which overrides there are, before anything is sent. Raise ProviderError."""
    stretch = stretch_of(data, caller)
    check_stretch(stretch, data)
    if data["user_id"] not in users_by_id(api, [data["user_id"]]):
        said = f"The connected PagerDuty account has no user {data['user_id']}."
        raise ProviderError("not_found_at_provider", said, fields={"user_id": [said]})
    with provider_errors():
        present, plan = _read(api, data, stretch, caller)
    if not plan:
        earlier = lookup.earlier(caller, present.existing)
        return Prepared(data, _output(api, data, stretch, present, earlier, None if earlier else _ON_CALL))
    check_pieces(plan, data)
    # Before a repeat what is there may be the effect of the first attempt, whose baseline stays.
    kept = None if caller.sent_before else lookup.baseline(present, plan, stretch.start)
    return Prepared(data | {_STRETCH: stretch, _PRESENT: present, _PLAN: plan}, baseline=kept)


def _read(api: Api, data: Json, stretch: Stretch, caller: Caller) -> tuple[Present, Plan]:
    present = coverage.read(api, data["schedule_id"], stretch, caller.until)
    return present, coverage.plan(present, data["user_id"], stretch)


def perform(api: Api, data: Json, caller: Caller) -> Json:
    """Write the plan. A schedule that was upgraded since it was read refuses, and is read and written as it is now."""
    stretch, present, plan = data[_STRETCH], data[_PRESENT], data[_PLAN]
    with writing(data, caller):
        try:
            made = send(api, data["schedule_id"], present, plan)
        except PagerDutyError as error:
            if error.status not in _OTHER_KIND or error.outcome_unknown:
                raise
            before, (present, plan) = present.rota.kind, _read(api, data, stretch, caller)
            if present.rota.kind == before:
                raise
            check_pieces(plan, data)
            made = send(api, data["schedule_id"], present, plan)
    made = lookup.earlier(caller, present.existing) + made
    return _output(api, data, stretch, present, made, None if plan else _ON_CALL)


def recover(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return the result of an earlier attempt, if the schedule has its overrides.

    If the schedule was upgraded since, PagerDuty has turned them into others: then if the user is on call.
    """
    kept = caller.baseline
    if kept is None:
        return None
    stretch = stretch_of(data, caller)
    with provider_errors():
        present, plan = _read(api, data, stretch, caller)
    same = present.rota.kind == kept["kind"]
    made = lookup.written(kept, present.existing) if same else ([] if not plan else None)
    return None if made is None else _output(api, data, stretch, present, made)


def _output(
    api: Api, data: Json, stretch: Stretch, present: Present, made: list[Json], reason: str | None = None
) -> Json:
    user = {"id": data["user_id"], "summary": None, "html_url": None}
    return {
        "schedule": present.rota.schedule,
        "user": with_name(user, users_by_id(api, [data["user_id"]])),
        "start": as_text(stretch.start),
        "end": as_text(stretch.end),
        "overrides": [lookup.shown(row) for row in made],
        "changed": reason is None,
        "reason": reason,
    }


def effects(api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the event by which our own poll reports a hand-over; it names no agent."""
    return [Effect(schedule_subject(data["schedule_id"]), CHANGED)]


_TEXT = {"type": ["string", "null"]}
_TIME: Json = {"type": "string", "format": "date-time"}
_SHOWN: Json = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "type": {"type": "string", "enum": ["override", "override_shift", "custom_shift"]},
        "start": _TIME,
        "end": _TIME,
    },
    "required": ["id", "type"],
    "additionalProperties": False,
}
ACTION = ActionType(
    key="pagerduty/create-override",
    name="Create override",
    description="Puts a user on call in a schedule for some time, in place of those on call then.",
    scope="schedules.read schedules.write users.read",
    writes=True,
    input=CreateOverrideInput,
    output_schema=outcome.schema(
        {
            "schedule": NAMED_THING,
            "user": {**NAMED_THING, "properties": {**NAMED_THING["properties"], "email": _TEXT}},
            "start": _TIME | {"title": "Start"},
            "end": _TIME | {"title": "End"},
            "overrides": {"type": "array", "items": _SHOWN},
        },
        _REASONS,
    ),
    field_names=response_names.OF_OVERRIDE,
    sample_input={
        "from": "dana@acme.example",
        "schedule_id": "PSCHED1",
        "user_id": "PUSER01",
        "duration_minutes": 60,
    },
    perform=perform,
    check=check_requester,
    prepare=prepare,
    recover=recover,
    effects=effects,
    settles_in=outcome.settles_in,
)
