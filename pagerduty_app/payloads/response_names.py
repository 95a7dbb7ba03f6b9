"""Display names of what the actions of responders return."""

from pagerduty_app.payloads.field_names import (
    Names,
    items,
    of_answered_incident,
    of_items,
    of_reference,
    of_references,
)

_OUTCOME: Names = {"changed": "Changed", "reason": "Reason"}
OF_SNOOZE: Names = {**of_answered_incident("incident"), "snoozed_until": "Snoozed until", **_OUTCOME}
OF_MERGE: Names = {
    **of_reference("incident", "Target incident", summary="Target incident title"),
    "merged.0": "First merged incident ID",
    "merged.*": "Any merged incident ID",
    **_OUTCOME,
}
OF_RESPONDER_REQUEST: Names = {
    "responder_request": "Responder request",
    "responder_request.message": "Responder request message",
    "responder_request.requested_at": "Responder request time",
    **of_reference("responder_request.requester", "Requester"),
    **of_reference("responder_request.incident", "Incident", summary="Incident title"),
    **_OUTCOME,
}
OF_STATUS_UPDATE: Names = {
    "status_update.id": "Status update ID",
    "status_update.message": "Status update message",
    "status_update.created_at": "Status update created at",
}
OF_MAINTENANCE_WINDOW: Names = {
    "maintenance_window.id": "Maintenance window ID",
    "maintenance_window.description": "Maintenance window description",
    "maintenance_window.start_time": "Maintenance window start",
    "maintenance_window.end_time": "Maintenance window end",
    "maintenance_window.html_url": "Maintenance window URL",
    **of_references("maintenance_window.services", "service in maintenance"),
    **of_reference("maintenance_window.created_by", "Maintenance window creator"),
}
OF_WORKFLOW_INSTANCE: Names = {
    "incident_workflow_instance.id": "Workflow instance ID",
    **of_reference("incident_workflow_instance.incident", "Incident", summary="Incident title"),
}
OF_CUSTOM_FIELDS: Names = {
    **{
        f"{place}.{name}": f"{what} {said}".rstrip()
        for place, what in items("custom_fields", "custom field")
        for name, said in (("id", "ID"), ("name", "name"), ("value", "value"))
    },
    **_OUTCOME,
}
OF_OVERRIDE: Names = {
    **of_reference("schedule", "Schedule"),
    **of_reference("user", "User"),
    "user.email": "User email",
    "start": "Start",
    "end": "End",
    **of_items("overrides", "override", {"id": "ID", "type": "type", "start": "start", "end": "end"}),
    **_OUTCOME,
}
