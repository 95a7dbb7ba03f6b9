"""The input of pagerduty/update-incident."""

from django.core.validators import RegexValidator, URLValidator
from rest_framework import serializers

from pagerduty_app.actions.fields import (
    LONGEST_TITLE,
    STATUSES,
    URGENCIES,
    Id,
    Ids,
    from_field,
    incident_field,
)
from pagerduty_app.actions.lookups import INCIDENT_TYPES, POLICIES, PRIORITIES, SERVICES, USERS
from workflows.catalog import Json
from workflows.catalog.schemas import ActionInput, Flag, Text

_BRIDGE = ("conference_number", "conference_url")
# Of these an input has at least one.
CHANGES = (
    "status",
    "title",
    "urgency",
    "resolution",
    "priority",
    "escalation_level",
    "assignee_ids",
    "escalation_policy_id",
    "service_id",
    "incident_type",
    *_BRIDGE,
)
_ASSIGNING = ("assignee_ids", "escalation_policy_id", "escalation_level")
_MOST_LEVELS = 100
_is_number = RegexValidator(
    r"\A\+?[0-9][0-9 ().,;*#xX-]*\Z",
    "Must be a phone number, such as +1 415-555-1212,,,,1234#; a comma waits for a second.",
)
_is_url = URLValidator(
    schemes=["http", "https"], message="Must be an address that begins with https:// or http://."
)


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
    priority = Text(
        max_length=100,
        required=False,
        label="Priority",
        help_text="Name, such as P1, or ID",
        lookup=PRIORITIES,
    )
    escalation_level = serializers.IntegerField(
        min_value=1,
        max_value=_MOST_LEVELS,
        required=False,
        label="Escalation level",
        help_text="Escalates to this level of the escalation policy and notifies it",
    )
    assignee_ids = Ids(label="Assignees", lookup=USERS)
    escalation_policy_id = Id(
        required=False,
        label="Escalation policy",
        help_text="The last part of its URL in PagerDuty",
        lookup=POLICIES,
    )
    service_id = Id(required=False, label="Service", help_text="PagerDuty service", lookup=SERVICES)
    incident_type = Text(
        max_length=100,
        required=False,
        label="Incident type",
        help_text="Its name, such as major_incident",
        lookup=INCIDENT_TYPES,
    )
    conference_number = Text(
        max_length=100,
        required=False,
        label="Conference number",
        help_text="e.g. +1 415-555-1212,,,,1234#: a comma waits for a second",
        validators=[_is_number],
    )
    conference_url = Text(
        max_length=500, required=False, label="Conference URL", help_text="https://…", validators=[_is_url]
    )
    resolution = Text(max_length=25_000, required=False, label="Resolution", cut=True)
    reopen = Flag(
        required=False,
        label="Reopen",
        help_text="Reopen a resolved incident with that status; otherwise it stays resolved",
    )

    class Meta:
        keyword_fields = {"from": from_field()}
        at_least_one = CHANGES
        nested = {"conference_bridge": _BRIDGE}

    def validate(self, attrs: Json) -> Json:
        if not any(name in attrs for name in CHANGES):
            raise serializers.ValidationError({"status": [f"Provide at least one of {', '.join(CHANGES)}."]})
        if "resolution" in attrs and attrs.get("status") != "resolved":
            raise serializers.ValidationError({"resolution": ["Only valid with the status resolved."]})
        if attrs.get("reopen") and attrs.get("status") not in ("triggered", "acknowledged"):
            raise serializers.ValidationError(
                {"reopen": ["Only valid with the status triggered or acknowledged."]}
            )
        _check_assigning(attrs)
        bridge = {name: attrs.pop(name) for name in _BRIDGE if name in attrs}
        return attrs | ({"conference_bridge": bridge} if bridge else {})


def _check_assigning(attrs: Json) -> None:
    """Raise ValidationError for ways of assigning that exclude each other."""
    if "assignee_ids" in attrs and "escalation_policy_id" in attrs:
        raise serializers.ValidationError(
            {"assignee_ids": ["Either assignees or an escalation policy, not both."]}
        )
    if "assignee_ids" in attrs and "escalation_level" in attrs:
        raise serializers.ValidationError(
            {"assignee_ids": ["Either assignees or an escalation level, not both."]}
        )
    if attrs.get("status") == "resolved" and (given := [name for name in _ASSIGNING if name in attrs]):
        raise serializers.ValidationError({name: ["Not valid with the status resolved."] for name in given})
