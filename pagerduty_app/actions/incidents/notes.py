"""pagerduty/create-incident-note: one request creates one note, also when responses are lost."""

from rest_framework.serializers import DateTimeField, ValidationError

from pagerduty_app.actions import equal_calls, outcome
from pagerduty_app.actions.clocks import SKEW
from pagerduty_app.actions.fields import from_field, incident_field, one
from pagerduty_app.actions.requester import check_requester, requester, requester_id, writing
from pagerduty_app.client import Api
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.errors.table import CHECKING_FOR_NOTE
from pagerduty_app.payloads import field_names
from pagerduty_app.payloads.effects import text_proof
from workflows.catalog import ActionType, Caller, Effect, Json
from workflows.catalog.schemas import ActionInput, Text


class CreateNoteInput(ActionInput):
    incident_id = incident_field()
    content = Text(max_length=25_000, label="Note", cut=True)

    class Meta:
        keyword_fields = {"from": from_field()}


def perform(api: Api, data: Json, caller: Caller) -> Json:
    with writing(data, caller):
        return api.create_note(data["from"], data["incident_id"], data["content"])


def recover(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return the note of an earlier attempt: same text and author, not older, and not another request's.

    PagerDuty has no idempotency key for notes (api-schema, createIncidentNote).
    """
    author = requester(api, data, caller)
    with provider_errors():
        notes = api.list_notes(data["incident_id"])
    ours = [note for note in notes if _may_be_ours(note, data, author, caller)]
    found = equal_calls.unclaimed(ours, caller, "note", CHECKING_FOR_NOTE)
    return {"note": found} if found else None


def _may_be_ours(note: Json, data: Json, author: Json | None, caller: Caller) -> bool:
    user = note.get("user") if isinstance(note.get("user"), dict) else {}
    if str(note.get("content", "")).strip() != data["content"].strip():
        return False
    if author and user and user.get("id") not in (None, author["id"]):
        return False
    try:
        created_at = DateTimeField().to_internal_value(str(note.get("created_at")))
    except ValidationError:
        return False
    return caller.first_sent_at is None or created_at >= caller.first_sent_at - SKEW


def effects(api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the event that will report the note."""
    subject, agent = f"incident:{data['incident_id']}", requester_id(api, data, caller)
    return [Effect(subject, "incident.annotated", agent, text_proof(data["content"]))]


ACTION = ActionType(
    key="pagerduty/create-incident-note",
    name="Create incident note",
    description="Adds a note to an incident.",
    scope="incidents.read incidents.write users.read",
    writes=True,
    input=CreateNoteInput,
    output_schema=one(
        "note",
        {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "content": {"type": "string"},
                "created_at": {"type": "string", "format": "date-time"},
            },
            "required": ["id"],
        },
    ),
    field_names=field_names.OF_ANSWERED_NOTE,
    sample_input={
        "from": "dana@acme.example",
        "incident_id": "PABC123",
        "content": "Runbook: https://wiki.example/queue",
    },
    perform=perform,
    check=check_requester,
    recover=recover,
    effects=effects,
    settles_in=outcome.settles_in,
)
