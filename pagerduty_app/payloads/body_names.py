"""Display names of the fields of each documented body of an event, beside those of the event itself."""

from pagerduty_app.payloads.field_names import Names, items, of_reference, of_references

INCIDENT: Names = {
    "incident.id": "Incident ID",
    "incident.type": "Incident object type",
    "incident.self": "Incident API URL",
    "incident.html_url": "Incident URL",
    "incident.number": "Incident number",
    "incident.title": "Incident title",
    "incident.status": "Incident status",
    "incident.urgency": "Incident urgency",
    "incident.incident_key": "Incident key",
    "incident.incident_type.name": "Incident type",
    "incident.created_at": "Incident created at",
    "incident.reopened_at": "Incident reopened at",
    **of_reference("incident.service", "Service"),
    **of_reference("incident.escalation_policy", "Escalation policy"),
    **of_reference("incident.priority", "Priority", summary="Priority"),
    **of_references("incident.assignees", "assignee"),
    **of_references("incident.teams", "team"),
    "incident.conference_bridge": "Conference bridge",
    "incident.conference_bridge.conference_number": "Conference number",
    "incident.conference_bridge.conference_url": "Conference URL",
    "incident.resolve_reason": "Resolve details",
    "incident.resolve_reason.type": "Resolve reason",
    **of_reference("incident.resolve_reason.incident", "Merged-into incident", "Merged-into incident title"),
}
INCIDENT_NAMED: Names = of_reference("incident", "Incident", summary="Incident title")
NOTE: Names = {
    "note.id": "Note ID",
    "note.type": "Note object type",
    "note.content": "Note content",
    "note.trimmed": "Note truncated",
}
RESPONDER: Names = {
    **of_reference("responder.user", "Responder"),
    **of_reference("responder.escalation_policy", "Responder escalation policy"),
    "responder.message": "Responder request message",
    "responder.state": "Responder state",
    "responder.type": "Responder request object type",
}
STATUS_UPDATE: Names = {
    "status_update.id": "Status update ID",
    "status_update.type": "Status update object type",
    "status_update.message": "Status update message",
    "status_update.trimmed": "Status update truncated",
}


def _field_values() -> Names:
    """PagerDuty sends all values as they are now, and those that changed as they were before."""
    found: Names = {"field_values.type": "Custom field values object type"}
    for path, what, value in (
        ("custom_fields", "custom field", "value"),
        ("changed_custom_fields", "changed custom field", "previous value"),
    ):
        for place, name in items(f"field_values.{path}", what):
            found |= {
                f"{place}.id": f"{name} ID",
                f"{place}.name": f"{name} name",
                f"{place}.value": f"{name} {value}",
                f"{place}.value.0": f"{name} {value}, first of several",
                f"{place}.data_type": f"{name} data type",
                f"{place}.field_type": f"{name} field type",
                f"{place}.namespace": f"{name} namespace",
                f"{place}.type": f"{name} object type",
            }
    return found


def _conference_bridge() -> Names:
    found: Names = {
        "conference_bridge.conference_url": "Conference bridge URL",
        "conference_bridge.type": "Conference bridge object type",
    }
    for place, name in items("conference_bridge.conference_numbers", "conference bridge number"):
        found |= {f"{place}.number": name, f"{place}.label": f"{name} label"}
    return found


def _role_assignments() -> Names:
    found: Names = {}
    for place, name in items("role_assignments", "role assignment"):
        found |= {
            f"{place}.id": f"{name} ID",
            f"{place}.status": f"{name} status",
            f"{place}.type": f"{name} object type",
            f"{place}.role.id": f"{name} role ID",
            f"{place}.role.summary": f"{name} role",
            f"{place}.role.type": f"{name} role object type",
            f"{place}.assignee": f"{name} assignee",
            f"{place}.old_assignee": f"{name} previous assignee",
            **of_reference(f"{place}.assignee", f"{name} assignee"),
            **of_reference(f"{place}.old_assignee", f"{name} previous assignee"),
            **of_reference(f"{place}.incident", f"{name} incident", f"{name} incident title"),
        }
    return found


FIELD_VALUES, CONFERENCE_BRIDGE, ROLE_ASSIGNMENTS = _field_values(), _conference_bridge(), _role_assignments()
TASK: Names = {
    "task.id": "Task ID",
    "task.type": "Task object type",
    "task.name": "Task name",
    "task.summary": "Task summary",
    "task.description": "Task description",
    "task.status": "Task status",
    **of_references("task.assignees", "task assignee"),
}
ACTION_INVOCATION: Names = {
    "action_invocation.id": "Action invocation ID",
    "action_invocation.type": "Action invocation object type",
    "action_invocation.self": "Action invocation API URL",
    "action_invocation.html_url": "Action invocation URL",
    "action_invocation.state": "Action invocation state",
    **of_reference("action_invocation.action", "Action"),
}
WORKFLOW_INSTANCE: Names = {
    "workflow_instance.id": "Workflow instance ID",
    "workflow_instance.type": "Workflow instance object type",
    "workflow_instance.summary": "Workflow instance name",
    **of_reference("workflow_instance.incident_workflow", "Incident workflow"),
    **of_reference("workflow_instance.workflow_trigger", "Workflow trigger"),
}
SERVICE_NAMED: Names = of_reference("service", "Service")
SERVICE: Names = {
    **SERVICE_NAMED,
    "service.alert_creation": "Service alert creation",
    **of_references("service.teams", "service team"),
}
