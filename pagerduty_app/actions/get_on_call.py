"""The action get-on-call: who is on call for a schedule, service or escalation policy, until when, and who is next."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from core.db import clock
from pagerduty_app.actions.fields import NAMED, NAMED_THING, Id, Moment, schedule_field
from pagerduty_app.actions.lookups import POLICIES, SERVICES
from pagerduty_app.client import Api
from pagerduty_app.payloads import field_names
from pagerduty_app.schedules import escalation
from pagerduty_app.schedules.final_shifts import read_rota
from pagerduty_app.schedules.people import users_by_id
from pagerduty_app.schedules.rota import AHEAD, Rota
from workflows.catalog import ActionType, Caller, Json
from workflows.catalog.schemas import ActionInput


class OneTarget(ActionInput):
    """A schedule, or a service, or an escalation policy: exactly one of them."""

    schedule_id = schedule_field(required=False)
    service_id = Id(required=False, label="Service", lookup=SERVICES)
    escalation_policy_id = Id(required=False, label="Escalation policy", lookup=POLICIES)

    class Meta:
        keyword_fields: dict[str, Any] = {}
        exactly_one = ("schedule_id", "service_id", "escalation_policy_id")


class GetOnCallInput(OneTarget):
    """Input of get-on-call. Without `at`: now."""

    at = Moment(required=False, label="At", help_text="Default: now")


def escalation_of(api: Api, data: Json, since: datetime, until: datetime) -> escalation.Escalation | None:
    """Return who is on call for the service or escalation policy of the input; None for a schedule."""
    if service := data.get("service_id"):
        return escalation.of_service(api, service, since, until)
    if policy := data.get("escalation_policy_id"):
        return escalation.of_policy(api, policy, since, until)
    return None


def _get_on_call(api: Api, data: Json, caller: Caller) -> Json:
    at = data.get("at") or clock.now()
    found = escalation_of(api, data, at, at + AHEAD)
    rotas = found.levels if found else [read_rota(api, data["schedule_id"], at, at + AHEAD)]
    known = users_by_id(api, _ids(rotas, at))
    levels = [{"level": number, **_at(rota, at, known)} for number, rota in enumerate(rotas, 1)]
    no_one: Json = {"users": [], "until": None, "next": None}
    first = {name: value for name, value in (levels or [no_one])[0].items() if name != "level"}
    return {
        "schedule": None if found else rotas[0].schedule,
        "service": found.service if found else None,
        "escalation_policy": found.policy if found else None,
        "at": at.isoformat(),
        **first,
        "levels": levels if found else [],
    }


def _ids(rotas: Iterable[Rota], at: datetime) -> Iterable[str]:
    """The ids of everyone on call, then of everyone who is next: of very many users the last ones have no names."""
    rotas = list(rotas)
    yield from (some_id for rota in rotas for some_id in rota.at(at).ids)
    yield from (some_id for rota in rotas if (later := rota.next_after(at)) for some_id in later.ids)


def _at(rota: Rota, at: datetime, known: dict[str, Json]) -> Json:
    later, until = rota.next_after(at), rota.end_of(at)
    ends = rota.end_of(later.start) if later else None
    return {
        "users": _named(rota.at(at).users, known),
        "until": until.isoformat() if until else None,
        "next": {
            "users": _named(later.users, known),
            "at": later.start.isoformat(),
            "until": ends.isoformat() if ends else None,
        }
        if later
        else None,
    }


def _named(users: list[Json], known: dict[str, Json]) -> list[Json]:
    return [{**user, **known.get(user["id"], {}), "id": user["id"]} for user in users]


_USERS = {"type": "array", "items": NAMED}
_UNTIL = {"type": ["string", "null"], "format": "date-time", "title": "Until"}
_AT = {"type": "string", "format": "date-time", "title": "At"}
_NEXT: Json = {
    "type": ["object", "null"],
    "properties": {"users": _USERS, "at": _AT, "until": _UNTIL},
    "required": ["users", "at", "until"],
    "additionalProperties": False,
}
_PRESENT: Json = {"users": _USERS, "until": _UNTIL, "next": _NEXT}
_LEVEL: Json = {
    "type": "object",
    "properties": {"level": {"type": "integer"}, **_PRESENT},
    "required": ["level", *_PRESENT],
    "additionalProperties": False,
}
TARGETS: Json = dict.fromkeys(("schedule", "service", "escalation_policy"), NAMED_THING)
ACTION = ActionType(
    key="pagerduty/get-on-call",
    name="Get on-call user",
    description="Retrieves who is on call in a schedule, or at each level for a service or an escalation policy, now "
    "or at another time; until when, and who is next.",
    scope="schedules.read users.read",
    writes=False,
    input=GetOnCallInput,
    output_schema={
        "type": "object",
        "properties": {**_PRESENT, "at": _AT, **TARGETS, "levels": {"type": "array", "items": _LEVEL}},
        "required": ["at", *_PRESENT, *TARGETS, "levels"],
        "additionalProperties": False,
    },
    field_names=field_names.ON_CALL_NOW,
    sample_input={"schedule_id": "PSCHED1"},
    perform=_get_on_call,
)
