"""Incident workflows, and those that were started on an incident (api-schema, IncidentWorkflow; webhooks v3)."""

import secrets
from typing import Any

from pagerduty_app.sandbox.refusals import invalid, not_found
from pagerduty_app.sandbox.world.incidents import Incidents
from pagerduty_app.sandbox.world.response.fields import Place
from pagerduty_app.sandbox.world.start import reference, reference_to

Json = dict[str, Any]
KIND = "incident_workflow_instance"
# Name, whether it is enabled. Each account has the same.
_DEFINED = (("Major incident", True), ("Inform customers", True), ("Old procedure", False))


def workflows(base_url: str) -> list[Json]:
    """Return all workflows."""
    return [
        {
            **reference(base_url, "incident_workflow", f"PFLOW0{number}", name),
            "type": "incident_workflow",
            "name": name,
            "description": "",
            "created_at": "2026-01-05T08:00:00Z",
            "is_enabled": is_enabled,
        }
        for number, (name, is_enabled) in enumerate(_DEFINED, 1)
    ]


def start(incidents: Incidents, place: Place, user: Json, workflow: Json, wanted: Json) -> Json:
    """Start the workflow on an incident; it completes at once. Return what was started. Raise Refused.

    wanted: the object of POST /incident_workflows/{id}/instances. No request lists what was started.
    """
    named = wanted.get("incident")
    if not isinstance(named, dict):
        raise invalid("Incident can't be blank.")
    if not workflow["is_enabled"]:
        raise invalid("Incident workflow is disabled.")
    incident = incidents.get(place.account, str(named.get("id")))
    some_id = str(wanted.get("id") or f"P{secrets.token_hex(6).upper()}")
    kept = {"id": some_id, "workflow": workflow["name"], "at": place.at, "user": user["summary"]}
    # An id that the request chose does not make it idempotent: no documentation says so.
    place.store.put(KIND, f"{some_id}/{secrets.token_hex(6)}", kept, incident["id"])
    part = {
        "id": some_id,
        "type": KIND,
        "summary": workflow["name"],
        "incident_workflow": reference_to(workflow),
        "workflow_trigger": {
            "html_url": None,
            "id": f"manual-{workflow['id']}",
            "self": f"{workflow['self'].rpartition('/')[0]}/triggers/manual-{workflow['id']}",
            "summary": "Started manually",
            "type": "workflow_trigger_reference",
        },
        "service": incident["service"],
    }
    for event in ("incident.workflow.started", "incident.workflow.completed"):
        incidents.tell_part(event, place.account, incident, user, part)
    return {"id": some_id, "type": KIND, "incident": reference_to(incident)}


def named(base_url: str, some_id: str) -> Json:
    """Return the workflow with that id. Raise Refused."""
    for workflow in workflows(base_url):
        if workflow["id"] == some_id:
            return workflow
    raise not_found()
