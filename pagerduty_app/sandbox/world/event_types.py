"""The event types that PagerDuty sends (developer docs, webhooks v3, event types)."""

# The sandbox sends these by itself.
HAPPENING = (
    "incident.triggered",
    "incident.annotated",
    "incident.acknowledged",
    "incident.reopened",
    "incident.resolved",
    "incident.unacknowledged",
    "incident.conference_bridge.updated",
    "incident.custom_field_values.updated",
    "incident.delegated",
    "incident.escalated",
    "incident.incident_type.changed",
    "incident.priority_updated",
    "incident.reassigned",
    "incident.responder.added",
    "incident.service_updated",
    "incident.status_update_published",
    "incident.workflow.completed",
    "incident.workflow.started",
)
EVENT_TYPES = (
    *HAPPENING,
    "incident.action_invocation.created",
    "incident.action_invocation.terminated",
    "incident.action_invocation.updated",
    "incident.responder.replied",
    "incident.role.assigned",
    "incident.task.completed",
    "incident.task.created",
    "incident.task.updated",
    "service.created",
    "service.custom_field_values.updated",
    "service.deleted",
    "service.updated",
)
PING = "pagey.ping"
