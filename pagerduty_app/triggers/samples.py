"""One delivery of each kind that a trigger starts on, of our own making, in PagerDuty's shape."""

from typing import Any

Json = dict[str, Any]
_TITLE = "Checkout answers slowly"


def _reference(kind: str, some_id: str, summary: str) -> Json:
    return {
        "id": some_id,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"https://api.pagerduty.com/{kind}s/{some_id}",
        "html_url": f"https://acme.pagerduty.com/{kind}s/{some_id}",
    }


_DANA, _ELI = _reference("user", "PUSER01", "Dana Rivera"), _reference("user", "PUSER02", "Eli Novak")
_INCIDENT = _reference("incident", "PSAMPLE1", _TITLE)
_PAYMENTS = _reference("service", "PSVC001", "Payments")
_POLICY = _reference("escalation_policy", "PPOL001", "Payments on call")
_PLATFORM = _reference("team", "PTEAM01", "Platform")


def sample(event_type: str, data: Json) -> Json:
    """One delivery of that type."""
    return {
        "event": {
            "id": "01SAMPLE00000000000000000",
            "event_type": event_type,
            "resource_type": event_type.partition(".")[0],
            "occurred_at": "2026-11-02T09:30:00.000Z",
            "agent": _DANA,
            "client": None,
            "data": data,
        }
    }


# The `data` of an event about …


def incident(status: str) -> Json:
    return {
        "id": "PSAMPLE1",
        "type": "incident",
        "self": "https://api.pagerduty.com/incidents/PSAMPLE1",
        "html_url": "https://acme.pagerduty.com/incidents/PSAMPLE1",
        "number": 42,
        "status": status,
        "incident_key": "checkout-latency",
        "created_at": "2026-11-02T09:29:58Z",
        "title": _TITLE,
        "incident_type": {"name": "incident_default"},
        "service": _PAYMENTS,
        "assignees": [_DANA],
        "escalation_policy": _POLICY,
        "teams": [_PLATFORM],
        "priority": _reference("priority", "PPRIO01", "P1"),
        "urgency": "high",
        "reopened_at": None,
        "conference_bridge": None,
        "resolve_reason": None,
    }


def _of_incident(kind: str, **data: Any) -> Json:
    return {"type": kind, "incident": _INCIDENT, **data}


def note() -> Json:
    return _of_incident(
        "incident_note", id="PNOTE01", content="The queue is full; looking into it", trimmed=False
    )


def responder(state: str) -> Json:
    return _of_incident(
        "incident_responder",
        user=_ELI,
        escalation_policy=_POLICY,
        message="Please look at the payment queue",
        state=state,
    )


def status_update() -> Json:
    return _of_incident(
        "incident_status_update", id="PUPD001", message="Payments are slow; a fix is under way", trimmed=False
    )


def _custom_field(value: str, **more: str) -> Json:
    return {
        "id": "PFIELD1",
        "type": "field_value",
        "name": "impact",
        "value": value,
        "data_type": "string",
        "field_type": "single_value",
        **more,
    }


def field_values() -> Json:
    now, before = (_custom_field(value, namespace="incidents") for value in ("all customers", "one customer"))
    return _of_incident("incident_field_values", custom_fields=[now], changed_custom_fields=[before])


def conference_bridge() -> Json:
    return _of_incident(
        "incident_conference_bridge",
        conference_numbers=[{"label": "Toll free", "number": "+1 555 0100"}],
        conference_url="https://meet.acme.example/42",
    )


def role_assignments() -> Json:
    assignment = {
        "id": "8d0f6f3e-3d2b-4f1e-9a7e-0c5b1f3a2b4d",
        "type": "role_assignment_reference",
        "status": "active",
        "role": {"id": "PROLE01", "type": "role_reference", "summary": "Incident commander"},
        "assignee": _ELI,
        "old_assignee": _DANA,
        "incident": _INCIDENT,
    }
    return {"type": "incident_role_assignment", "incident_role_assignments": [assignment]}


def task(status: str) -> Json:
    return _of_incident(
        "incident_task",
        id="PTASK01",
        name="Call the payment provider",
        summary="Call the payment provider",
        description="Ask whether they see time-outs",
        status=status,
        assignees=[_ELI],
    )


def action_invocation(state: str) -> Json:
    own = _reference("action", "01INVOCATION0000000000001", "")
    action = _reference("action", "01ACTION00000000000000001", "Restart the payment workers")
    return _of_incident(
        "incident_action_invocation",
        id=own["id"],
        self=own["self"],
        html_url=own["html_url"],
        action=action,
        state=state,
    )


def workflow_instance() -> Json:
    return _of_incident(
        "incident_workflow_instance",
        id="PINST01",
        summary="Major incident 42",
        incident_workflow=_reference("incident_workflow", "PFLOW01", "Major incident"),
        workflow_trigger={
            **_reference("workflow_trigger", "PFLOWTRG1", "Priority is P1"),
            "html_url": None,
        },
        service=_PAYMENTS,
    )


def service() -> Json:
    return {
        **_PAYMENTS,
        "type": "service",
        "alert_creation": "create_alerts_and_incidents",
        "teams": [_PLATFORM],
    }


def service_field_values() -> Json:
    return {
        "type": "service_field_values",
        "service": _PAYMENTS,
        "custom_fields": [_custom_field("gold")],
        "changed_custom_fields": [_custom_field("silver")],
    }
