"""The operations of PagerDuty's REST API that this product uses (PagerDuty api-schema)."""

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pagerduty_app.client.by_creation import by_creation
from pagerduty_app.client.http.query import spelt
from pagerduty_app.client.http.transport import Transport
from pagerduty_app.client.ids import checked as _checked
from pagerduty_app.client.incident_response import IncidentResponse
from pagerduty_app.client.paging import Walk, by_offset, object_of, rows_of
from pagerduty_app.client.rate_limit_headers import Limits
from pagerduty_app.client.schedules import Schedules

Json = dict[str, Any]


class Api(IncidentResponse, Schedules):
    """PagerDuty as one user of one account. Every method raises PagerDutyError.

    base_url: of the account's region. on_request: called before each request; returns until when that may leave
    (`time.monotonic()`), or None. on_answer: called with the rate limit of each response.
    cache_key: a digest of the token, unique to the connection and its present authorisation.
    """

    def __init__(
        self,
        base_url: str,
        access_token: str,
        on_request: Callable[[], float | None],
        on_answer: Callable[[Limits], None] = lambda limits: None,
    ) -> None:
        self._http = Transport(base_url, access_token, on_request, on_answer)
        self.cache_key = hashlib.sha256(access_token.encode()).hexdigest()[:32]

    # --- incidents: scope incidents.read, incidents.write ------------------------------------------
    def create_incident(self, from_email: str, incident: Json) -> Json:
        """Return {"incident": …}. Idempotent only with an incident_key, while that incident is open."""
        return self._http.ask("POST", "/incidents", body={"incident": incident}, from_email=from_email)

    def get_incident(self, incident_id: str, params: Mapping[str, Any] | None = None) -> Json:
        return self._http.ask("GET", f"/incidents/{_checked(incident_id)}", params=spelt(params or {}))

    def update_incident(self, from_email: str, incident_id: str, incident: Json) -> Json:
        path = f"/incidents/{_checked(incident_id)}"
        return self._http.ask("PUT", path, body={"incident": incident}, from_email=from_email)

    def create_note(self, from_email: str, incident_id: str, content: str) -> Json:
        """Return {"note": …}. Not idempotent: PagerDuty has no idempotency key for notes."""
        path = f"/incidents/{_checked(incident_id)}/notes"
        return self._http.ask("POST", path, body={"note": {"content": content}}, from_email=from_email)

    def list_notes(self, incident_id: str) -> list[Json]:
        """Return all notes of an incident; PagerDuty does not page them."""
        return rows_of(self.page("notes", {}, incident_id), "notes")

    def log_entries(self, incident_id: str, params: Mapping[str, Any]) -> list[Json]:
        """Return one page of the incident's log entries, newest first."""
        return rows_of(self.page("log_entries", params, incident_id), "log_entries")

    # --- lists: one page each; `everything` goes through all pages -----------------------------------
    def page(self, collection: str, params: Mapping[str, Any], incident_id: str = "") -> Json:
        """Return one page of a collection of the account or of an incident; lists in params repeat as name[]."""
        path = f"/incidents/{_checked(incident_id)}/{collection}" if incident_id else f"/{collection}"
        return self._http.ask("GET", path, params=spelt(params))

    def everything(
        self, collection: str, params: Mapping[str, Any], until: float = math.inf, incident_id: str = ""
    ) -> Walk:
        """Return all pages of a collection of the account or of an incident, at most 10,000 rows."""

        def fetch(at: Mapping[str, Any]) -> Json:
            return self.page(collection, {**params, **at}, incident_id)

        return Walk(by_offset(fetch, collection, until))

    def all_incidents(
        self,
        params: Mapping[str, Any],
        since: datetime | None,
        end: datetime | None,
        until: float = math.inf,
    ) -> Walk:
        """Return all incidents created between `since` (None: ever) and `end` (None: now), without bound."""
        return Walk(by_creation(lambda at: self.page("incidents", {**params, **at}), since, end, until))

    def get_service(self, service_id: str, params: Mapping[str, Any]) -> Json:
        """Return {"service": …} (scope services.read)."""
        return self._http.ask("GET", f"/services/{_checked(service_id)}", params=spelt(params))

    def create_maintenance_window(self, from_email: str, window: Json) -> Json:
        """Return {"maintenance_window": …} (optional scope services.write). Not idempotent."""
        body = {"maintenance_window": window}
        return self._http.ask("POST", "/maintenance_windows", body=body, from_email=from_email)

    def incident_types(self) -> list[Json]:
        """Return the enabled incident types (scope incident_types.read)."""
        return rows_of(self._http.ask("GET", "/incidents/types"), "incident_types")

    def escalation_policy(self, policy_id: str) -> Json:
        """Return {"escalation_policy": …} (optional scope escalation_policies.read)."""
        return self._http.ask("GET", f"/escalation_policies/{_checked(policy_id)}")

    def delegation(self, user_id: str, delegation_id: str) -> Json:
        """Return an authorization that a user gave an app, with its status (scope oauth_delegations.read).

        PagerDuty's schema has it bare, its example under oauth_delegation; both are taken.
        """
        path = f"/users/{_checked(user_id)}/oauth_delegations/{_checked(delegation_id)}"
        answer = self._http.ask("GET", path)
        bare = {"oauth_delegation": answer}
        found = answer if "oauth_delegation" in answer else bare
        return object_of(found, "oauth_delegation", needs=("status",))

    def user(self, user_id: str) -> Json:
        """Return {"user": …} (scope users.read)."""
        return self._http.ask("GET", f"/users/{_checked(user_id)}")

    # --- webhook subscriptions: scopes webhook_subscriptions.read, webhook_subscriptions.write -------
    def create_webhook(self, webhook: Json) -> Json:
        """Return {"webhook_subscription": …}; only this response has delivery_method.secret. Not idempotent."""
        return self._http.ask("POST", "/webhook_subscriptions", body={"webhook_subscription": webhook})

    def get_webhook(self, webhook_id: str) -> Json:
        return self._http.ask("GET", f"/webhook_subscriptions/{_checked(webhook_id)}")

    def update_webhook(self, webhook_id: str, changes: Json) -> Json:
        path = f"/webhook_subscriptions/{_checked(webhook_id)}"
        return self._http.ask("PUT", path, body={"webhook_subscription": changes})

    def delete_webhook(self, webhook_id: str) -> None:
        self._http.ask("DELETE", f"/webhook_subscriptions/{_checked(webhook_id)}")

    def ping_webhook(self, webhook_id: str) -> None:
        """Make it deliver a pagey.ping."""
        self._http.ask("POST", f"/webhook_subscriptions/{_checked(webhook_id)}/ping")

    def enable_webhook(self, webhook_id: str) -> Json:
        """Enable a temporarily disabled webhook."""
        return self._http.ask("POST", f"/webhook_subscriptions/{_checked(webhook_id)}/enable")
