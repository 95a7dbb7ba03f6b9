"""The table of the triggers that start on one event type of PagerDuty's each (developer docs, webhooks v3).

docs/agencies.md shows the same table. Types that are not in it start workflows by `pagerduty/any-event`.
"""

from pagerduty_app.triggers import filters, samples
from pagerduty_app.triggers.event_trigger import (
    AUTOMATION,
    COMMON,
    INCIDENTS,
    RESPONSE,
    SERVICES,
    EventTrigger,
    part_of_incident,
    whole_incident,
    whole_service,
)

# The creator of the webhook needs it beside incidents.read and services.read.
_WORKFLOWS_READ = "incident_workflows.read"
EVENT_TRIGGERS = (
    whole_incident(
        COMMON,
        "triggered",
        "an incident is triggered",
        "triggered",
        options=filters.TriggeredOptions,
        more_event_types={
            "triggered_again": frozenset({"incident.reopened", "incident.unacknowledged"}),
        },
    ),
    whole_incident(COMMON, "acknowledged", "an incident is acknowledged", "acknowledged"),
    whole_incident(COMMON, "resolved", "an incident is resolved", "resolved"),
    part_of_incident(COMMON, "note added", "a note is added to an incident", "annotated", samples.note()),
    whole_incident(INCIDENTS, "escalated", "an incident is escalated to the next level", "triggered"),
    whole_incident(INCIDENTS, "reassigned", "an incident is assigned to other users", "triggered"),
    whole_incident(INCIDENTS, "delegated", "an incident is moved to another escalation policy", "triggered"),
    whole_incident(INCIDENTS, "reopened", "a resolved incident is reopened", "triggered"),
    whole_incident(INCIDENTS, "unacknowledged", "an acknowledgement ends or times out", "triggered"),
    whole_incident(
        INCIDENTS,
        "priority updated",
        "the priority of an incident changes",
        "acknowledged",
        key="incident-priority-updated",
        event_type="incident.priority_updated",
    ),
    whole_incident(
        INCIDENTS,
        "service updated",
        "an incident is moved to another service",
        "triggered",
        key="incident-service-updated",
        event_type="incident.service_updated",
    ),
    whole_incident(
        INCIDENTS,
        "type changed",
        "the incident type of an incident changes",
        "acknowledged",
        key="incident-type-changed",
        event_type="incident.incident_type.changed",
    ),
    part_of_incident(
        INCIDENTS,
        "custom fields updated",
        "custom field values of an incident change",
        "custom_field_values.updated",
        samples.field_values(),
    ),
    part_of_incident(
        RESPONSE,
        "responder added",
        "a responder is requested for an incident",
        "responder.added",
        samples.responder("pending"),
    ),
    part_of_incident(
        RESPONSE,
        "responder replied",
        "a responder accepts or declines a request",
        "responder.replied",
        samples.responder("joined"),
    ),
    part_of_incident(
        RESPONSE,
        "status update published",
        "a status update of an incident is published",
        "status_update_published",
        samples.status_update(),
    ),
    part_of_incident(
        RESPONSE,
        "conference bridge updated",
        "the conference bridge of an incident changes",
        "conference_bridge.updated",
        samples.conference_bridge(),
    ),
    part_of_incident(
        RESPONSE,
        "role assigned",
        "a role of an incident is assigned",
        "role.assigned",
        samples.role_assignments(),
    ),
    *(
        part_of_incident(
            RESPONSE,
            f"task {what}",
            f"a task of an incident is {what}",
            f"task.{what}",
            samples.task(status),
        )
        for what, status in (("created", "todo"), ("updated", "todo"), ("completed", "complete"))
    ),
    *(
        part_of_incident(
            AUTOMATION,
            f"action {name}",
            f"an automation action {happens} for an incident",
            f"action_invocation.{state}",
            samples.action_invocation(state),
        )
        for name, happens, state in (
            ("invoked", "is invoked", "created"),
            ("updated", "reports progress", "updated"),
            ("terminated", "ends", "terminated"),
        )
    ),
    *(
        part_of_incident(
            AUTOMATION,
            f"workflow {what}",
            f"an incident workflow {happens}",
            f"workflow.{what}",
            samples.workflow_instance(),
            options=filters.OfServices,
            scope=_WORKFLOWS_READ,
        )
        for what, happens in (("started", "starts"), ("completed", "is completed"))
    ),
    # A service that does not exist yet cannot be chosen.
    whole_service("created", filters.OfTeams),
    whole_service("updated", filters.ServiceFilters),
    whole_service("deleted", filters.ServiceFilters),
    EventTrigger(
        SERVICES,
        "service-custom-fields-updated",
        "Service custom fields updated",
        "custom field values of a service change",
        "service.custom_field_values.updated",
        samples.service_field_values(),
        options=filters.OfServices,
    ),
)
