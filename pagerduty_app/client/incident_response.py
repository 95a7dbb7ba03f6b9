"""Operations of responders on an incident (PagerDuty api-schema; scopes incidents.read, incidents.write)."""

from typing import Any

from pagerduty_app.client.http.transport import Transport
from pagerduty_app.client.ids import checked
from pagerduty_app.client.paging import rows_of

Json = dict[str, Any]


class IncidentResponse:
    """Operations of an Api. None of the writes is idempotent. Every method raises PagerDutyError."""

    _http: Transport

    def snooze_incident(self, from_email: str, incident_id: str, seconds: int) -> Json:
        """Return {"incident": …}. seconds: 1 to 604,800, counted from now."""
        return self._respond("POST", incident_id, "snooze", {"duration": seconds}, from_email)

    def merge_incidents(self, from_email: str, target_id: str, source_ids: list[str]) -> Json:
        """Resolve the sources into the target. Return {"incident": …}, a reference to the target."""
        sources = [{"id": some_id, "type": "incident_reference"} for some_id in source_ids]
        return self._respond("PUT", target_id, "merge", {"source_incidents": sources}, from_email)

    def request_responders(self, from_email: str, incident_id: str, request: Json) -> Json:
        """Return {"responder_request": …}; 402 if the account lacks the ability coordinated_responding."""
        return self._respond("POST", incident_id, "responder_requests", request, from_email)

    def publish_status_update(self, from_email: str, incident_id: str, update: Json) -> Json:
        """Return {"status_update": …}, which no request lists."""
        return self._respond("POST", incident_id, "status_updates", update, from_email)

    def start_incident_workflow(self, workflow_id: str, incident_id: str) -> Json:
        """Return {"incident_workflow_instance": …} (optional scope incident_workflows:instances.write).

        The operation has no From header, and no request lists its results.
        """
        incident = {"id": checked(incident_id), "type": "incident_reference"}
        body = {"incident_workflow_instance": {"type": "incident_workflow_instance", "incident": incident}}
        return self._http.ask("POST", f"/incident_workflows/{checked(workflow_id)}/instances", body=body)

    def custom_fields(self, incident_id: str) -> list[Json]:
        """Return the custom fields with their values on the incident."""
        path = f"/incidents/{checked(incident_id)}/custom_fields/values"
        return rows_of(self._http.ask("GET", path), "custom_fields")

    def set_custom_fields(self, from_email: str, incident_id: str, values: list[Json]) -> Json:
        """Return {"custom_fields": …}. values: [{"id" or "name", "value"}]."""
        return self._respond(
            "PUT", incident_id, "custom_fields/values", {"custom_fields": values}, from_email
        )

    def _respond(self, method: str, incident_id: str, part: str, body: Json, from_email: str) -> Json:
        path = f"/incidents/{checked(incident_id)}/{part}"
        return self._http.ask(method, path, body=body, from_email=from_email)
