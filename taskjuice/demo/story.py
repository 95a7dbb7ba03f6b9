"""The story of the demo: connect → event → workflow → note on the incident, over HTTP with real ids.

It uses public interfaces only: our REST API with an API key, PagerDuty's webhooks, and the sandbox's control API for
what the client's people do in PagerDuty.
"""

import time
from collections.abc import Callable
from typing import Any

import requests

from taskjuice.demo.consent import DANA

Json = dict[str, Any]
_PATIENCE = 40.0


class StoryFailed(Exception):
    """A part of the story failed."""


class Story:
    """Play the story step by step. Each part raises StoryFailed (or a requests error) if it fails."""

    def __init__(self, seed: Json, sandbox_url: str, tell: Callable[[str], None]) -> None:
        self.seed = seed
        self.tell = tell
        self.sandbox_url = sandbox_url
        self.http = requests.Session()
        self.http.trust_env = False
        self.auth = {"Authorization": f"Bearer {seed['api_key']}"}

    # --- the two servers -------------------------------------------------------------------------
    def ours(
        self, method: str, path: str, body: Json | None = None, *, ok: int = 200, **headers: str
    ) -> Json:
        url = f"{self.seed['base_url']}/api/v1/{path}"
        answer = self.http.request(method, url, json=body, headers=self.auth | headers, timeout=60)
        if answer.status_code != ok:
            raise StoryFailed(f"{method} {path} answered {answer.status_code}: {answer.text[:400]}")
        result: Json = answer.json() if answer.content else {}
        return result

    def theirs(self, method: str, path: str, body: Json | None = None) -> Any:
        answer = self.http.request(method, f"{self.sandbox_url}/_sandbox/{path}", json=body, timeout=30)
        if not answer.ok:
            raise StoryFailed(f"The sandbox answered {answer.status_code} to {path}: {answer.text[:400]}")
        return answer.json()

    def until(self, what: str, look: Callable[[], Any]) -> Any:
        """Return the first truthy result of `look`, called for up to 40 seconds."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            seen = look()
            if seen:
                return seen
            time.sleep(0.1)
        raise StoryFailed(f"Waited {_PATIENCE:.0f} s for {what}.")

    # --- the parts -------------------------------------------------------------------------------
    def tell_all(self) -> None:
        self.connection()
        self.confirm_webhooks()
        self.build_workflows()
        incident = self.incident_triggered()
        self.incident_moves_on(incident)
        self.six_actions()

    def connection(self) -> None:
        connection = self.ours("GET", f"connections/{self.seed['connection']}/")
        if connection["status"] != "active":
            raise StoryFailed(f"The connection is {connection['status']}.")
        self.tell("1. Authorized; the connection is active")
        self.tell(
            f"   connection {connection['id']} · {connection['external_account_name']} ({connection['region']})"
        )
        self.tell(f"   granted: {', '.join(connection['scopes_granted'])}")

    def confirm_webhooks(self) -> None:
        self.tell("2. Each trigger has its own URL, confirmed by PagerDuty's one-time POST")
        known = {row["url"]: row["id"] for row in self.theirs("GET", "subscriptions")["subscriptions"]}
        for key, trigger in self.seed["triggers"].items():
            if trigger["url"] not in known:
                known[trigger["url"]] = self._subscribe(trigger)
            self.theirs("POST", f"subscriptions/{known[trigger['url']]}/ping")
            self.tell(f"   {key} → {trigger['url']} · confirmed {self._confirmed(key)}")

    def _subscribe(self, trigger: Json) -> str:
        """Create a subscription to the trigger's URL and retire older secrets, which a new sandbox does not have."""
        path = f"triggers/{trigger['id']}/"
        ours = self.ours("POST", f"{path}secrets/", {"secret": trigger["secret"]}, ok=201)["id"]
        for secret in self.ours("GET", path)["secrets"]:
            if secret["retired_at"] is None and secret["id"] != ours:
                self.ours("DELETE", f"{path}secrets/{secret['id']}/", ok=204)
        made = self.theirs("POST", "subscriptions", {"account": "acme", "url": trigger["url"]})
        self.ours("POST", f"{path}secrets/", {"secret": made["secret"]}, ok=201)
        return str(made["id"])

    def _confirmed(self, key: str) -> str:
        path = f"triggers/{self.seed['triggers'][key]['id']}/"
        moment: str = self.until(f"the ping of {key}", lambda: self.ours("GET", path)["confirmed_at"])
        return moment

    def build_workflows(self) -> None:
        self.tell("3. Three workflows, each one step: a note on the incident")
        existing = {row["name"] for row in self.ours("GET", "workflows/")["results"]}
        for key, text in {
            "pagerduty/incident-triggered": "Runbook for “{{ trigger.incident.title }}”: check the queue first.",
            "pagerduty/incident-acknowledged": "Acknowledged: {{ trigger.incident.title }}",
            "pagerduty/incident-resolved": "Over: {{ trigger.incident.title }}",
        }.items():
            name = f"Note when {key.partition('/')[2].replace('-', ' ')}"
            if name not in existing:
                self.ours("POST", "workflows/", self._workflow(key, name, text), ok=201)
            self.tell(f"   {name}")

    def _workflow(self, key: str, name: str, text: str) -> Json:
        step = {
            "key": "note",
            "connection": self.seed["connection"],
            "action": "pagerduty/create-incident-note",
            "input": {"from": DANA, "incident_id": "{{ trigger.incident.id }}", "content": text},
        }
        return {"name": name, "trigger": self.seed["triggers"][key]["id"], "steps": [step], "publish": True}

    def incident_triggered(self) -> str:
        self.tell(
            "4. An incident is triggered in PagerDuty, which then has a bad moment: a 429, and a lost answer"
        )
        notes = r"^/incidents/[^/]+/notes$"
        self.theirs(
            "POST",
            "faults",
            {
                "rules": [
                    {"method": "POST", "path": notes, "kind": "rate_limit", "retry_after": "1", "times": 1},
                    {"method": "POST", "path": notes, "kind": "lose_answer", "times": 1},
                ]
            },
        )
        incident = self._open_incident()
        self.tell(f"   incident {incident} opened")
        run = self._run_of("pagerduty/incident-triggered", incident)
        call = self.ours("GET", f"action-calls/{run['steps'][0]['call']}/")
        self.tell(f"   run {run['id']} {run['status']}: step “note” took {call['attempts']} attempts")
        notes_found = self._notes(incident)
        if len(notes_found) != 1:
            raise StoryFailed(f"One note was wanted on {incident}, there are {len(notes_found)}.")
        self.tell(
            f"   read back from the incident, once: note {notes_found[0]['id']} “{notes_found[0]['content']}”"
        )
        if call["attempts"] < 3:
            raise StoryFailed("The 429 and the lost answer should have taken three attempts.")
        return incident

    def incident_moves_on(self, incident: str) -> None:
        self.tell("5. Acknowledged, then resolved: each fires its own trigger")
        for act, key in {
            "acknowledge": "pagerduty/incident-acknowledged",
            "resolve": "pagerduty/incident-resolved",
        }.items():
            self.theirs("POST", f"incidents/{incident}/{act}")
            run = self._run_of(key, incident)
            self.tell(f"   {act}d → run {run['id']} {run['status']}")

    def six_actions(self) -> None:
        self.tell("6. The six actions, each once over the REST API")
        services = self._act("list-services", {"query": "Payments"})["services"]
        made = self._act(
            "create-incident",
            {
                "from": DANA,
                "service_id": services[0]["id"],
                "title": "Follow-up of the demo",
                "urgency": "low",
            },
        )["incident"]
        self._act("get-incident", {"incident_id": made["id"]})
        self._act(
            "create-incident-note",
            {"from": DANA, "incident_id": made["id"], "content": "Created by the demo"},
        )
        changed = self._act(
            "update-incident", {"from": DANA, "incident_id": made["id"], "status": "resolved"}
        )
        if changed["incident"]["status"] != "resolved":
            raise StoryFailed("update-incident did not resolve the incident.")
        listed = self._act("list-incidents", {"statuses": ["resolved"], "all": True})["incidents"]
        if made["id"] not in {row["id"] for row in listed}:
            raise StoryFailed("list-incidents did not list the incident just resolved.")

    # --- small things ----------------------------------------------------------------------------
    def _open_incident(self) -> str:
        """Open an incident as a person at the client does."""
        body = {"account": "acme", "title": "Checkout answers slowly", "urgency": "high"}
        made: list[str] = self.theirs("POST", "incidents", body)["incidents"]
        return made[0]

    def _notes(self, incident: str) -> list[Json]:
        notes: list[Json] = self.theirs("GET", f"incidents/{incident}")["notes"]
        return notes

    def _act(self, action: str, body: Json) -> Json:
        path = f"connections/{self.seed['connection']}/actions/pagerduty/{action}/"
        call = self.ours("POST", path, body)
        output: Json = call["output"]
        kind, found = next(iter(output.items()))
        what = f"{len(found)} {kind}" if isinstance(found, list) else f"{kind} {found['id']}"
        self.tell(f"   pagerduty/{action} → {what} (call {call['id']})")
        return output

    def _run_of(self, key: str, incident: str) -> Json:
        trigger = self.seed["triggers"][key]["id"]

        def accepted() -> Json | None:
            events = self.ours("GET", f"events/?trigger={trigger}")["results"]
            return next((row for row in events if row["lane"] == incident and row["status"] == "done"), None)

        event = self.until(f"the delivery of {key}", accepted)
        self.tell(f"   delivery accepted: {event['event_type']} {event['external_id']}")

        def finished() -> Json | None:
            runs = self.ours("GET", f"runs/?lane={incident}")["results"]
            mine = next((row for row in runs if row["event"] == event["id"]), None)
            return mine if mine and mine["finished_at"] else None

        run = self.until(f"the run of {key}", finished)
        detail = self.ours("GET", f"runs/{run['id']}/")
        if detail["status"] != "completed":
            raise StoryFailed(f"The run {detail['id']} is {detail['status']}: {detail['error']}")
        return detail
