"""The sandbox as one object that wires its parts together."""

import json
import secrets
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

from pagerduty_app.sandbox.control.faults import Faults
from pagerduty_app.sandbox.ratelimit import RateLimit
from pagerduty_app.sandbox.tokens import Tokens
from pagerduty_app.sandbox.world import start
from pagerduty_app.sandbox.world.event_types import EVENT_TYPES, PING
from pagerduty_app.sandbox.world.incidents import Incidents
from pagerduty_app.sandbox.world.start import reference_to
from pagerduty_app.sandbox.world.store import Store
from pagerduty_app.sandbox.world.webhooks import Sender, is_active

Json = dict[str, Any]
SCOPES = {
    "openid": "Know who you are",
    "incidents.read": "Read incidents",
    "incidents.write": "Create and change incidents",
    "services.read": "Read services",
    "services.write": "Create and change services and maintenance windows",
    "users.read": "Read users",
    "schedules.read": "Read schedules",
    "schedules.write": "Create and change schedules and their overrides",
    "teams.read": "Read teams",
    "oncalls.read": "Read who is on call",
    "priorities.read": "Read priorities",
    "escalation_policies.read": "Read escalation policies",
    "incident_types.read": "Read incident types",
    "incident_workflows.read": "Read incident workflows",
    "incident_workflows:instances.write": "Start incident workflows",
    "webhook_subscriptions.read": "Read webhook subscriptions",
    "webhook_subscriptions.write": "Create and change webhook subscriptions",
    "oauth_delegations.read": "Read which apps users have authorized",
    "read": "Read everything (classic)",
    "write": "Read and write everything (classic)",
}
_REMEMBERED_REQUESTS = 20_000


class Sandbox:
    """The sandbox. path: of its state. clients: OAuth client id → secret."""

    def __init__(self, base_url: str, path: str, clients: dict[str, str]) -> None:
        self.base_url = base_url
        self.clients = clients
        self.store = Store(path)
        start.fill(self.store, base_url)
        self.tokens = Tokens(self.store, base_url)
        self.faults = Faults()
        self.rate_limit = RateLimit()
        self.sender = Sender(self.store)
        self.incidents = Incidents(self.store, base_url, self.announce)
        self.requests: deque[Json] = deque(maxlen=_REMEMBERED_REQUESTS)

    def close(self) -> None:
        self.sender.stop()
        self.store.close()

    def reset(self) -> None:
        """Restore the initial state."""
        self.sender.forget()
        self.store.clear()
        start.fill(self.store, self.base_url)
        self.tokens = Tokens(self.store, self.base_url)
        self.faults.clear()
        self.rate_limit = RateLimit()
        self.requests.clear()

    # --- webhooks ------------------------------------------------------------------------------------
    def subscribe(
        self, account: str, url: str, events: list[str], filter_: Json, description: str = ""
    ) -> Json:
        """Create a subscription and return it with its secret, which is shown only now. events: [] for all."""
        subscription: Json = {
            "id": f"PWH{secrets.token_hex(5).upper()}",
            "account": account,
            "url": url,
            "events": events or list(EVENT_TYPES),
            "filter": filter_,
            "description": description,
            "active": True,
            "secret": secrets.token_urlsafe(48),
            "drops": 0,
            "disabled_until": 0.0,
        }
        self.store.put("subscription", subscription["id"], subscription, account)
        return subscription

    def announce(self, account: str, event_type: str, data: Json, about: Json, agent: Json | None) -> int:
        """Send one event to every matching subscription, with the same time. Return how many.

        about: the incident or service, or a part of one, that says where it belongs.
        """
        at, resource, lane = datetime.now(UTC), event_type.partition(".")[0], _lane(about)
        wanting = [
            one
            for one in self.store.all("subscription", account)
            if is_active(one) and _wants(one, event_type, about)
        ]
        for subscription in wanting:
            event = _envelope(event_type, resource, data, agent, at)
            self.sender.send(subscription, event, event_type=event_type, lane=lane)
        return len(wanting)

    def ping(self, subscription: Json) -> None:
        data = {"message": "Hello from your friend Pagey!", "type": "ping"}
        event = _envelope(PING, "pagey", data, None, datetime.now(UTC))
        self.sender.send(subscription, event, event_type=PING, lane=f"ping-{time.time_ns()}")

    def person(self, account: str, user_id: str | None = None) -> Json:
        """Return that user of the account, or the first one."""
        users = self.store.all("user", account)
        return next((user for user in users if user["id"] == user_id), users[0])

    def home_of(self, user_id: str) -> Json | None:
        """Return the account that the user belongs to."""
        return next(
            (
                account
                for account in self.store.all("account")
                if any(user["id"] == user_id for user in self.store.all("user", account["id"]))
            ),
            None,
        )

    def act(self, incident_id: str, status: str) -> None:
        """Set the incident's status as a user of its account."""
        for (account,) in self.store.rows("SELECT account FROM incidents WHERE id = ?", (incident_id,)):
            self.incidents.change(account, self.person(account), incident_id, {"status": status})


def _wants(subscription: Json, event_type: str, about: Json) -> bool:
    # A type that is newer than the documentation goes to all.
    if event_type not in subscription["events"] and event_type in EVENT_TYPES:
        return False
    kind, some_id = subscription["filter"].get("type"), subscription["filter"].get("id")
    if kind == "service_reference":
        service = about if about.get("type") == "service" else about.get("service")
        return bool((service or {}).get("id") == some_id)
    if kind == "team_reference":
        return any(team["id"] == some_id for team in about.get("teams") or ())
    return True


def _lane(about: Json) -> str:
    """Return the id of the incident or service whose events stay in order."""
    roles = about.get("incident_role_assignments") or [{}]
    named = about.get("incident") or roles[0].get("incident") or about.get("service") or {}
    whole = about.get("type") in ("incident", "service")
    return str((about if whole else named).get("id") or secrets.token_hex(8))


def _envelope(event_type: str, resource_type: str, data: Json, agent: Json | None, at: datetime) -> bytes:
    event = {
        "id": f"01{secrets.token_hex(12).upper()}",
        "event_type": event_type,
        "resource_type": resource_type,
        "occurred_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "agent": reference_to(agent) if agent else None,
        "client": None,
        "data": data,
    }
    return json.dumps({"event": event}).encode()
