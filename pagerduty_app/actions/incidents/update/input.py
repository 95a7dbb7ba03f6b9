"""The input of pagerduty/update-incident."""

from typing import Any

from rest_framework import serializers

from pagerduty_app.actions.fields import LONGEST_TITLE, STATUSES, URGENCIES, from_field, incident_field
from pagerduty_app.actions.incidents.update.changes import CHANGES
from workflows.catalog.schemas import ActionInput, Flag, Text


class UpdateIncidentInput(ActionInput):
    """Input of update-incident: at least one change."""

    incident_id = incident_field()
    status = serializers.ChoiceField(
        choices=STATUSES,
        required=False,
        label="Status",
        help_text="Acknowledging in a user’s name can reassign the incident to them",
    )
    title = Text(max_length=LONGEST_TITLE, required=False, label="Title", cut=True)
    urgency = serializers.ChoiceField(choices=URGENCIES, required=False, label="Urgency")
    resolution = Text(max_length=25_000, required=False, label="Resolution", cut=True)
    reopen = Flag(
        required=False,
        label="Reopen",
        help_text="Reopen a resolved incident with that status; otherwise it stays resolved",
    )

    class Meta:
        keyword_fields = {"from": from_field()}
        at_least_one = CHANGES

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not any(name in attrs for name in CHANGES):
            raise serializers.ValidationError({"status": [f"Provide at least one of {', '.join(CHANGES)}."]})
        if "resolution" in attrs and attrs.get("status") != "resolved":
            raise serializers.ValidationError({"resolution": ["Only valid with the status resolved."]})
        if attrs.get("reopen") and attrs.get("status") not in ("triggered", "acknowledged"):
            raise serializers.ValidationError(
                {"reopen": ["Only valid with the status triggered or acknowledged."]}
            )
        return attrs
