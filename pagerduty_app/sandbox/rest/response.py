"""Views for responders: snooze, merge, responder requests, status updates, custom fields (api-schema)."""

from pagerduty_app.sandbox.gate import Answer, Call, operation
from pagerduty_app.sandbox.refusals import invalid
from pagerduty_app.sandbox.world.incidents import now_text
from pagerduty_app.sandbox.world.response import custom_fields as fields
from pagerduty_app.sandbox.world.response import merge as merging
from pagerduty_app.sandbox.world.response import responders
from pagerduty_app.sandbox.world.response import snooze as snoozing
from pagerduty_app.sandbox.world.response import status_updates as updates
from pagerduty_app.sandbox.world.response.fields import Place

_LONGEST_SNOOZE = 604_800


def _place(call: Call) -> Place:
    return Place(call.sandbox.store, call.account, now_text())


@operation(post="incidents.write")
def snooze(call: Call, incident_id: str) -> Answer:
    seconds = call.body.get("duration")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= _LONGEST_SNOOZE:
        raise invalid(f"Duration must be between 1 and {_LONGEST_SNOOZE} seconds.")
    snoozed = snoozing.snooze(call.sandbox.incidents, call.account, call.requester(), incident_id, seconds)
    return 201, {"incident": snoozed}


@operation(put="incidents.write")
def merge(call: Call, incident_id: str) -> Answer:
    rows = call.body.get("source_incidents")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise invalid("Source incidents can't be empty.")
    ids = [str(row.get("id")) for row in rows]
    target = merging.merge(call.sandbox.incidents, call.account, call.requester(), incident_id, ids)
    return 200, {"incident": target}


@operation(post="incidents.write")
def responder_requests(call: Call, incident_id: str) -> Answer:
    made = responders.request(call.sandbox.incidents, _place(call), incident_id, call.body)
    return 200, {"responder_request": made}


@operation(post="incidents.write")
def status_updates(call: Call, incident_id: str) -> Answer:
    made = updates.publish(call.sandbox.incidents, _place(call), call.requester(), incident_id, call.body)
    return 200, {"status_update": made}


@operation(get="incidents.read", put="incidents.write")
def custom_fields(call: Call, incident_id: str) -> Answer:
    incidents = call.sandbox.incidents
    if call.request.method == "GET":
        incidents.get(call.account, incident_id)
        return 200, {"custom_fields": fields.values(call.sandbox.store, incident_id)}
    wanted = call.body.get("custom_fields")
    return 201, {"custom_fields": fields.set_values(incidents, _place(call), call.user, incident_id, wanted)}
