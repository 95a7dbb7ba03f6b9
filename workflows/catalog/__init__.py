"""The catalog: every trigger and action there is. Provider rooms register theirs when Django starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from connections.grants.request_budget import Allowance
from workflows.catalog import schemas
from workflows.catalog.actions import (
    ActionType,
    Caller,
    Effect,
    EqualCalls,
    Incomplete,
    Json,
    Lookup,
    Option,
    Prepared,
    ProviderError,
    Streamed,
)
from workflows.catalog.deadlines import DeadlineAnswer, DeadlineRule, PassedDeadline
from workflows.catalog.polls import Look, Poll
from workflows.catalog.recipes import Recipe
from workflows.catalog.subscribers import (
    MadeWebhook,
    Missed,
    MissedChange,
    Reach,
    Subscriber,
    Webhook,
)
from workflows.catalog.triggers import Delivery, TriggerType, Webhooks, Words

__all__ = [
    "ActionType",
    "Caller",
    "DeadlineAnswer",
    "DeadlineRule",
    "Delivery",
    "Effect",
    "EqualCalls",
    "Incomplete",
    "Integration",
    "Json",
    "Look",
    "Lookup",
    "MadeWebhook",
    "Missed",
    "MissedChange",
    "Option",
    "PassedDeadline",
    "Poll",
    "Prepared",
    "ProviderError",
    "Reach",
    "Recipe",
    "Streamed",
    "Subscriber",
    "TriggerType",
    "Webhook",
    "Webhooks",
    "Words",
    "deadline_rule",
    "find_action",
    "find_lookup",
    "find_recipe",
    "find_trigger",
    "input_schema",
    "integration",
    "integrations",
    "options_schema",
    "polled",
    "register",
]


@dataclass(frozen=True)
class Integration:
    """One provider as workflows see it.

    open_api(region, access_token, on_request, on_answer) → the object that its actions' `perform` receives; it calls
    on_request() before each request it makes, so that a long listing keeps its lease, and on_answer with what each
    answer says of the rate limit (connections.grants.request_budget.Allowance). on_request returns the
    `time.monotonic()` after which that request must not leave any more, or None.
    Ask for it by workflows.calls.provider_access.
    covers(scope, granted_scopes) → whether the granted scopes include what `scope` needs.
    signature_header: the name of the header that carries the signature of a delivery.
    verify(body, signature, secrets) → index of the secret that signed the body, or None.
    read_delivery(body) → Delivery. trigger_fields(payload) → what a workflow sees as `trigger`.
    sample_delivery(sample, external_id) → the body of a test delivery with that id. webhooks: see Webhooks.
    owns_link(url) → whether the address leads to the provider's own pages, so that people can be sent there.
    effects_of(payload) → what an event may be the echo of, the most certain first; takes anything.
    subscriber: how it keeps webhooks for triggers; None where people have to.
    hints: error code → what a person can do about it, for the codes that only this provider has.
    """

    key: str
    name: str
    description: str
    open_api: Callable[[str, str, Callable[[], float | None], Callable[[Allowance], None]], Any]
    covers: Callable[[str, list[str]], bool]
    signature_header: str
    verify: Callable[[bytes, str | None, Sequence[str]], int | None]
    read_delivery: Callable[[bytes], Delivery]
    trigger_fields: Callable[[Any], Json]
    sample_delivery: Callable[[Json, str], bytes]
    webhooks: Webhooks
    triggers: Mapping[str, TriggerType] = field(default_factory=dict)
    actions: Mapping[str, ActionType] = field(default_factory=dict)
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    effects_of: Callable[[Any], list[Effect]] = lambda payload: []
    owns_link: Callable[[str], bool] = lambda url: False
    hints: Mapping[str, str] = field(default_factory=dict)
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    subscriber: Subscriber | None = None

    def listed_event_types(self) -> frozenset[str]:
        """Return the event types that the provider delivers and that a trigger of the catalog is for."""
        delivered = (kind for kind in self.triggers.values() if kind.poll is None and kind.deadline is None)
        return frozenset[str]().union(*(kind.event_types for kind in delivered))


_integrations: dict[str, Integration] = {}


def register(integration: Integration) -> None:
    _integrations[integration.key] = integration


def integrations() -> list[Integration]:
    return list(_integrations.values())


def integration(key: str) -> Integration:
    """Raises KeyError for a provider that no room has registered."""
    return _integrations[key]


def find_integration(key: str) -> Integration | None:
    """Return the integration of that key; None for one that is not registered."""
    return _integrations.get(key)


def only_integration() -> Integration | None:
    """Return the integration if there is one alone; None where there are several."""
    return integrations()[0] if len(_integrations) == 1 else None


def find_action(key: str) -> ActionType | None:
    known = _integrations.get(key.partition("/")[0])
    return known.actions.get(key) if known else None


def find_recipe(key: str) -> Recipe | None:
    known = _integrations.get(key.partition("/")[0])
    return known.recipes.get(key) if known else None


def find_lookup(key: str) -> Lookup | None:
    known = _integrations.get(key.partition("/")[0])
    return known.lookups.get(key) if known else None


@cache
def input_schema(action_key: str) -> Json:
    """The JSON Schema of what that action takes; an empty one for an action that is not (any more) there."""
    action = find_action(action_key)
    return schemas.json_schema(action.input) if action else {"type": "object", "properties": {}}


@cache
def options_schema(trigger_key: str) -> Json:
    """The JSON Schema of that trigger type's options; an empty one where there are none."""
    trigger = find_trigger(trigger_key)
    if trigger is None or trigger.options is None:
        return {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    return schemas.json_schema(trigger.options)


def find_trigger(key: str) -> TriggerType | None:
    known = _integrations.get(key.partition("/")[0])
    return known.triggers.get(key) if known else None


def polled(trigger_key: str) -> Poll | None:
    """The `Poll` of triggers of that type; None for those with a webhook."""
    trigger = find_trigger(trigger_key)
    return trigger.poll if trigger else None


def deadline_rule(trigger_key: str) -> DeadlineRule | None:
    """The `DeadlineRule` of triggers of that type; None for others."""
    trigger = find_trigger(trigger_key)
    return trigger.deadline if trigger else None
