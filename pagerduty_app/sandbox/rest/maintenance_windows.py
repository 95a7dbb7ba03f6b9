"""/maintenance_windows (api-schema)."""

from pagerduty_app.sandbox.gate import Answer, Call, operation
from pagerduty_app.sandbox.refusals import invalid
from pagerduty_app.sandbox.rest.paging import page, window
from pagerduty_app.sandbox.world import maintenance_windows as world


@operation(get="services.read", post="services.write")
def collection(call: Call) -> Answer:
    """List windows by service and state (GET), create one (POST)."""
    store = call.sandbox.store
    if call.request.method == "POST":
        user, wanted = call.requester(), call.object(world.KIND)
        made = world.create(store, call.sandbox.base_url, call.account, user, wanted)
        return 201, {world.KIND: made}
    query = call.request.GET
    (offset, limit), state = window(query), query.get("filter", "all")
    if state not in world.STATES:
        raise invalid(f"filter must be one of {', '.join(world.STATES)}.")
    rows = world.listed(store, call.account, state)
    if services := set(query.getlist("service_ids[]")):
        rows = [row for row in rows if services & {service["id"] for service in row["services"]}]
    if text := query.get("query", "").lower():
        rows = [row for row in rows if text in row["summary"].lower()]
    return 200, page("maintenance_windows", rows[offset : offset + limit], offset, limit, len(rows), query)
