"""/incident_workflows: the list, and the start of one on an incident (api-schema)."""

from pagerduty_app.sandbox.gate import Answer, Call, operation
from pagerduty_app.sandbox.rest.paging import page, window
from pagerduty_app.sandbox.world import incident_workflows as world
from pagerduty_app.sandbox.world.incidents import now_text
from pagerduty_app.sandbox.world.response.fields import Place


@operation(get="incident_workflows.read")
def collection(call: Call) -> Answer:
    query = call.request.GET
    offset, limit = window(query)
    text = query.get("query", "").lower()
    rows = [row for row in world.workflows(call.sandbox.base_url) if text in row["name"].lower()]
    return 200, page("incident_workflows", rows[offset : offset + limit], offset, limit, len(rows), query)


@operation(post="incident_workflows:instances.write")
def instances(call: Call, some_id: str) -> Answer:
    """Start the workflow as the user of the token: the operation has no From header."""
    workflow = world.named(call.sandbox.base_url, some_id)
    place = Place(call.sandbox.store, call.account, now_text())
    made = world.start(call.sandbox.incidents, place, call.user, workflow, call.object(world.KIND))
    return 201, {world.KIND: made}
