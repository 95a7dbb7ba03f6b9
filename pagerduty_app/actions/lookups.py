"""Options of choices: what the connected account has, such as its services, users and teams.

Escalation policies, priorities, incident types and incident workflows need optional permissions
(pagerduty_app.oauth.scopes).
"""

from collections.abc import Callable, Iterator
from typing import Any

from core.text.folding import fold
from pagerduty_app.client import Api
from pagerduty_app.client.paging import PAGE, no_rows, repeated
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.schedules.listing import all_schedules
from workflows.catalog import Incomplete, Json, Lookup, Option

SERVICES = "pagerduty/services"
USERS = "pagerduty/users"
USER_EMAILS = "pagerduty/user-emails"
TEAMS = "pagerduty/teams"
SCHEDULES = "pagerduty/schedules"
POLICIES = "pagerduty/escalation-policies"
PRIORITIES = "pagerduty/priorities"
PRIORITY_IDS = "pagerduty/priority-ids"
INCIDENT_TYPES = "pagerduty/incident-types"
WORKFLOWS = "pagerduty/incident-workflows"
_LONGEST_LABEL = 200


def _rows(api: Api, collection: str, query: str) -> Iterator[Json]:
    """Yield row by row, requesting further pages on demand. Malformed rows are left out."""
    wanted = {"query": query} if query else {}
    offset, seen = 0, set[str]()
    while True:
        with provider_errors():
            page = api.page(collection, {**wanted, "offset": offset, "limit": PAGE})
            rows = page.get(collection)
            if not isinstance(rows, list):
                raise no_rows(collection)
            found = [row for row in rows if isinstance(row, dict)]
            ids = {_text(row, "id") for row in found}
            if page.get("more") and not ids - seen:
                raise repeated(collection, len(seen))
        yield from found
        if not page.get("more"):
            return
        seen |= ids
        offset += len(rows)


def _schedules(api: Api, query: str) -> Iterator[Option | Incomplete]:
    """The look-up of schedules of both kinds by name; it says so if PagerDuty refuses to list one of them."""
    with provider_errors():
        walk = all_schedules(api, {"query": query} if query else {})
        for page in walk:
            for row in page:
                yield Option(_text(row, "id"), _text(row, "name", "summary", "id"))
    if not walk.ending.complete:
        yield Incomplete(walk.ending.reason)


def _text(row: Json, *names: str) -> str:
    """Return the first value that is text, on one line."""
    found: list[Any] = [row.get(name) for name in names]
    text = next((value for value in found if isinstance(value, str) and value.strip()), "")
    return " ".join(text.split())[:_LONGEST_LABEL]


def _named(collection: str) -> Callable[[Api, str], Iterator[Option]]:
    """Return the look-up of a collection by name."""

    def load(api: Api, query: str) -> Iterator[Option]:
        for row in _rows(api, collection, query):
            if some_id := _text(row, "id"):
                yield Option(some_id, _text(row, "name", "summary", "id"))

    return load


def _priorities(value: str) -> Callable[[Api, str], Iterator[Option]]:
    """Return the look-up of priorities; PagerDuty takes no `query`. value: the property that the input takes."""

    def load(api: Api, query: str) -> Iterator[Option]:
        for row in _rows(api, "priorities", ""):
            name, chosen = _text(row, "name", "summary"), _text(row, value)
            if name and chosen and fold(query) in fold(name):
                yield Option(chosen, name)

    return load


def _incident_types(api: Api, query: str) -> Iterator[Option]:
    """Yield the enabled incident types by name; they are not paged (api-schema, listIncidentTypes)."""
    with provider_errors():
        rows = api.incident_types()
    for row in rows:
        name, shown = _text(row, "name"), _text(row, "display_name", "name")
        if name and fold(query) in fold(shown):
            yield Option(name, shown)


def _workflows(api: Api, query: str) -> Iterator[Option]:
    """Yield the incident workflows by name, without disabled ones, which are not started (api-schema)."""
    for row in _rows(api, "incident_workflows", query):
        if row.get("is_enabled") is not False and (some_id := _text(row, "id")):
            yield Option(some_id, _text(row, "name", "summary", "id"))


def _users(value: str) -> Callable[[Api, str], Iterator[Option]]:
    """Return the look-up of users by name and address. value: the property that the input takes."""

    def load(api: Api, query: str) -> Iterator[Option]:
        for row in _rows(api, "users", query):
            name, email = _text(row, "name", "summary", "id"), _text(row, "email")
            if chosen := _text(row, value):
                yield Option(chosen, f"{name} ({email})" if email else name)

    return load


LOOKUPS = {
    lookup.key: lookup
    for lookup in (
        Lookup(SERVICES, "Services", "services.read", _named("services")),
        Lookup(TEAMS, "Teams", "teams.read", _named("teams")),
        Lookup(SCHEDULES, "Schedules", "schedules.read", _schedules),
        Lookup(POLICIES, "Escalation policies", "escalation_policies.read", _named("escalation_policies")),
        # By name, as events and updates of incidents have them.
        Lookup(PRIORITIES, "Priorities", "priorities.read", _priorities("name")),
        Lookup(PRIORITY_IDS, "Priorities by ID", "priorities.read", _priorities("id")),
        Lookup(INCIDENT_TYPES, "Incident types", "incident_types.read", _incident_types),
        Lookup(WORKFLOWS, "Incident workflows", "incident_workflows.read", _workflows),
        Lookup(USERS, "Users", "users.read", _users("id")),
        Lookup(USER_EMAILS, "Users by email address", "users.read", _users("email")),
    )
}
