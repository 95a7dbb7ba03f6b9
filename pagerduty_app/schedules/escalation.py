"""On-call users by escalation level: of an escalation policy, or of the one behind a service.

GET /services/{id} has the policy with its rules (api-schema, getService with include escalation_policies).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pagerduty_app.client import Api
from pagerduty_app.client.paging import object_of
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.schedules.final_shifts import read_rota, reference, unreadable
from pagerduty_app.schedules.policies import WITH_POLICY, find_policy
from pagerduty_app.schedules.rota import Rota, Shift, stretches_of
from workflows.catalog import Json, ProviderError

# Schedules of one policy that are read.
MOST_SCHEDULES = 50


@dataclass(frozen=True)
class Escalation:
    """A policy and the rota of each of its levels, the first one first. service: None unless asked for by service."""

    policy: Json
    service: Json | None
    levels: list[Rota]

    @property
    def anybody(self) -> Rota:
        """The rota of all levels together."""
        return _together(self.policy, [shift for level in self.levels for shift in level.shifts])


def of_service(api: Api, service_id: str, since: datetime, until: datetime) -> Escalation:
    """Return who is on call for a service between since and until. Raise ProviderError."""
    with provider_errors():
        service = object_of(api.get_service(service_id, WITH_POLICY), "service", needs=("id",))
    return _read(api, service.get("escalation_policy"), since, until, reference(service, service_id))


def of_policy(api: Api, policy_id: str, since: datetime, until: datetime) -> Escalation:
    """Return who is on call for an escalation policy between since and until. Raise ProviderError."""
    with provider_errors():
        policy = find_policy(api, policy_id)
    return _read(api, policy, since, until, None)


def _read(api: Api, policy: Any, since: datetime, until: datetime, service: Json | None) -> Escalation:
    rules = policy.get("escalation_rules") if isinstance(policy, dict) else None
    if not isinstance(rules, list):
        raise unreadable()
    named = reference(policy, str(policy.get("id") or ""))
    known: dict[str, list[Shift]] = {}
    levels = []
    for rule in rules:
        targets = rule.get("targets") if isinstance(rule, dict) else None
        if not isinstance(targets, list):
            raise unreadable()
        shifts = [shift for target in targets for shift in _shifts(api, target, since, until, known)]
        levels.append(_together(named, shifts))
    return Escalation(named, service, levels)


def _shifts(
    api: Api, target: Any, since: datetime, until: datetime, known: dict[str, list[Shift]]
) -> list[Shift]:
    """Return the shifts of a target: a user, who is always on call, or a schedule. known: of schedules read before."""
    if not isinstance(target, dict) or not isinstance(target.get("id"), str):
        raise unreadable()
    some_id, kind = target["id"], str(target.get("type"))
    if kind.startswith("user"):
        return [Shift(since, None, reference(target, some_id))]
    if some_id not in known:
        if len(known) >= MOST_SCHEDULES:
            raise ProviderError(
                "provider_error", f"The escalation policy has more than {MOST_SCHEDULES} schedules."
            )
        known[some_id] = read_rota(api, some_id, since, until).known_shifts(until)
    return known[some_id]


def _together(policy: Json, shifts: list[Shift]) -> Rota:
    return Rota(policy, stretches_of(shifts), shifts=shifts)
