"""Merge incidents (api-schema, mergeIncidents)."""

from typing import Any

from pagerduty_app.sandbox.refusals import invalid
from pagerduty_app.sandbox.world.incidents import Incidents
from pagerduty_app.sandbox.world.start import reference_to

Json = dict[str, Any]


def merge(incidents: Incidents, account: str, user: Json, target_id: str, source_ids: list[str]) -> Json:
    """Resolve the sources into the target; return the reference to it."""
    with incidents.transaction():
        target = incidents.get(account, target_id)
        sources = [incidents.get(account, some_id) for some_id in source_ids]
        if target["status"] == "resolved":
            raise invalid("Cannot merge into a resolved incident.")
        for source in sources:
            if source["id"] == target_id or not source["is_mergeable"]:
                raise invalid(f"Incident {source['id']} is not mergeable.")
            if source.get("resolve_reason"):
                raise invalid(f"Incident {source['id']} has already been merged.")
        closed = [source for source in sources if incidents.resolve_into(account, user, source, target)]
    for source in closed:
        incidents.tell("incident.resolved", account, source, user)
    return reference_to(target)
