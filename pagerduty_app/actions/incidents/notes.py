"""pagerduty/create-incident-note: one request creates one note, also when responses are lost."""

from datetime import timedelta

from django.conf import settings
from rest_framework.serializers import DateTimeField, ValidationError

from pagerduty_app.actions.fields import from_field, incident_field, one
from pagerduty_app.actions.requester import check_requester, requester, requester_id, writing
from pagerduty_app.client import Api
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads import field_names
from pagerduty_app.payloads.effects import text_proof
from workflows.catalog import ActionType, Caller, Effect, Json, ProviderError
from workflows.catalog.schemas import ActionInput, Text

# The largest difference between PagerDuty's clock and ours.
_SKEW = timedelta(minutes=2)
_CHECK_AGAIN_SECONDS = 2.0


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

    PagerDuty has no idempotency key for notes (api-schema, createIncidentNote). Read the notes before the concurrent
    requests: the request that made a note is then either done, with the note's id stored, or still running.
    """
    author = requester(api, data, caller)
    with provider_errors():
        notes = api.list_notes(data["incident_id"])
    candidates = [note for note in notes if _may_be_ours(note, data, author, caller)]
    if not candidates:
        return None
    equal = caller.equal_calls()
    if equal.running:
        raise ProviderError(
            "checking_for_note",
            "Another request is writing the same note; checking its result.",
            retryable=True,
            retry_after=_CHECK_AGAIN_SECONDS,
            outcome_unknown=True,
        )
    taken = {output["note"].get("id") for output in equal.outputs if isinstance(output.get("note"), dict)}
    return next(({"note": note} for note in candidates if note.get("id") not in taken), None)


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
    return caller.first_sent_at is None or created_at >= caller.first_sent_at - _SKEW


def effects(api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the event that will report the note."""
    subject, agent = f"incident:{data['incident_id']}", requester_id(api, data, caller)
    return [Effect(subject, "incident.annotated", agent, text_proof(data["content"]))]


ACTION = ActionType(
    key="pagerduty/create-incident-note",
    name="Create incident note",
    description="Adds a note to an incident.",
    scope="incidents.write",
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
    settles_in=timedelta(seconds=settings.PAGERDUTY_SETTLE_SECONDS),
)
