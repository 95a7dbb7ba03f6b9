"""pagerduty/get-service: a service with the people behind it (api-schema, getService; needs services.read)."""

from typing import Any

from pagerduty_app.actions.fields import REFERENCE, Id, one
from pagerduty_app.actions.lookups import SERVICES
from pagerduty_app.client import Api
from pagerduty_app.client.paging import object_of
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads.field_names import Names, items, of_items, of_reference, of_references
from workflows.catalog import ActionType, Caller, Json
from workflows.catalog.schemas import ActionInput


class GetServiceInput(ActionInput):
    service_id = Id(label="Service", lookup=SERVICES)


def perform(api: Api, data: Json, caller: Caller) -> Json:
    """Return {"service": …} with its escalation policy in full: the levels, and the users and schedules of each."""
    with provider_errors():
        answer = api.get_service(data["service_id"], {"include": ["escalation_policies", "teams"]})
        return {"service": object_of(answer, "service", needs=("id",))}


_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_SECONDS: dict[str, Any] = {"type": ["integer", "null"]}
_TIME: dict[str, Any] = {"type": ["string", "null"], "format": "date-time"}
_LEVEL = {
    "type": "object",
    "properties": {
        "escalation_delay_in_minutes": {"type": "integer"},
        "targets": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": dict.fromkeys(("summary", "type", "html_url", "id"), _TEXT),
            },
        },
    },
}
_POLICY = {
    "type": ["object", "null"],
    "properties": {
        **REFERENCE["properties"],
        "num_loops": {"type": "integer"},
        "escalation_rules": {"type": "array", "items": _LEVEL},
    },
}
_SERVICE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "description": _TEXT,
        "status": {"type": "string", "enum": ["active", "warning", "critical", "maintenance", "disabled"]},
        "escalation_policy": _POLICY,
        "teams": {"type": "array", "items": {**REFERENCE, "type": "object"}},
        "created_at": _TIME,
        "last_incident_timestamp": _TIME,
        "acknowledgement_timeout": _SECONDS,
        "auto_resolve_timeout": _SECONDS,
        "html_url": _TEXT,
        "id": {"type": "string"},
    },
    "required": ["id"],
}


def _names() -> Names:
    policy = "service.escalation_policy"
    found: Names = {
        "service.id": "Service ID",
        "service.name": "Service name",
        "service.description": "Service description",
        "service.status": "Service status",
        "service.created_at": "Service created at",
        "service.last_incident_timestamp": "Last incident of the service at",
        "service.acknowledgement_timeout": "Acknowledgement timeout (seconds)",
        "service.auto_resolve_timeout": "Auto-resolve timeout (seconds)",
        "service.html_url": "Service URL",
        **of_reference(policy, "Escalation policy"),
        f"{policy}.num_loops": "Escalation policy repeats",
        **of_references("service.teams", "service team"),
    }
    for place, level in items(f"{policy}.escalation_rules", "level"):
        found[f"{place}.escalation_delay_in_minutes"] = f"{level} delay (minutes)"
        target = f"target of {level[0].lower()}{level[1:]}"
        parts = {"summary": "name", "type": "object type", "html_url": "URL", "id": "ID"}
        found |= of_items(f"{place}.targets", target, parts)
    return found


GET = ActionType(
    key="pagerduty/get-service",
    name="Get service",
    description="Retrieves a service with its escalation policy: the levels with their users and schedules.",
    scope="services.read",
    writes=False,
    input=GetServiceInput,
    output_schema=one("service", _SERVICE),
    field_names=_names(),
    sample_input={"service_id": "PSVC001"},
    perform=perform,
)
