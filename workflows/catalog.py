"""The catalog: every trigger and action there is. Provider rooms register theirs when Django starts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

from rest_framework.serializers import Serializer

from workflows import inputs

Json = dict[str, Any]


@dataclass(frozen=True)
class Twins:
    """Other calls that asked the same connection for exactly the same thing at about the same time.

    at_work: one of them may be having its effect at this moment. outputs: of those that completed.
    """

    at_work: bool
    outputs: list[Json]


class Caller(Protocol):
    """What an action may know about the call it serves."""

    @property
    def key(self) -> str:
        """Unique and the same on every attempt; a provider's idempotency key can be made of it."""

    @property
    def cache_key(self) -> str:
        """Unique to the connection and its present authorisation."""

    @property
    def first_sent_at(self) -> datetime | None:
        """When the first attempt left; None before that."""

    @property
    def sent_before(self) -> bool:
        """Whether an earlier attempt may have had its effect."""

    @property
    def until(self) -> float:
        """`time.monotonic()` by which it has to be done; afterwards no further request may begin."""

    def twins(self) -> Twins:
        """Whose effects must not be taken for ours. Ask after looking at the provider, not before."""


@dataclass(frozen=True)
class TriggerType:
    """A reason for a workflow to start.

    key: `<provider>/<name>`. event_types: the provider's event types that fire it. sample: one event as a
    workflow sees it. output_schema: JSON Schema of that.
    """

    key: str
    name: str
    description: str
    event_types: frozenset[str]
    sample: Json
    output_schema: Json


@dataclass(frozen=True)
class ActionType:
    """Something a step, the API or a person can have done.

    key: `<provider>/<name>`. scope: the provider scope it needs. input: the serializer that validates it.
    perform(api, data, caller) → output (JSON). `api` is what the integration's `open_api` returned.
    check(api, data, caller): extra validation against the provider before dispatch; raises ProviderError.
    recover(api, data, caller) → output of an earlier attempt whose outcome is unknown, or None when that
    attempt had no effect. Actions without it are safe to repeat.
    settles_in: how long after it was sent a write without an answer may still take effect. Where `recover` finds
    nothing, nothing is sent again before. None needed where the provider itself refuses a second one.
    """

    key: str
    name: str
    description: str
    scope: str
    writes: bool
    input: type[Serializer[Any]]
    output_schema: Json
    sample_input: Json
    perform: Callable[[Any, Json, Caller], Json]
    check: Callable[[Any, Json, Caller], None] | None = None
    recover: Callable[[Any, Json, Caller], Json | None] | None = None
    settles_in: timedelta = timedelta(0)

    @property
    def path(self) -> list[str]:
        """The two parts of its key, as addresses have them."""
        return self.key.split("/")


@dataclass(frozen=True)
class Option:
    """One thing to choose: the value an input takes, and what people call it."""

    value: str
    label: str


@dataclass(frozen=True)
class Lookup:
    """A list of the connected account that people choose from.

    key: `<provider>/<name>`, as inputs name it. scope: the provider scope it needs. load(api, query) yields
    the options whose name contains `query` ("": all), asking for a further page only when it is wanted; it
    raises ProviderError. `api` is what the integration's `open_api` returned.
    """

    key: str
    name: str
    scope: str
    load: Callable[[Any, str], Iterator[Option]]


class ProviderError(Exception):
    """A provider's refusal or silence, in the words of this project.

    status: the provider's HTTP status, None when it gave no answer. retryable: trying later may help.
    retry_after: seconds the provider asked for. outcome_unknown: the request may have had its effect.
    credential: the access token was not accepted. fields: inputs at fault.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        outcome_unknown: bool = False,
        credential: bool = False,
        fields: dict[str, list[str]] | None = None,
        detail: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retryable = retryable
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown
        self.credential = credential
        self.fields = fields
        self.detail = detail or {}


@dataclass(frozen=True)
class Delivery:
    """What a provider can say of a delivery's body; made for any bytes, also those that are not JSON.

    external_id: the signed identity of the event, the same when it is delivered again. lane: events of one
    lane are handled in order. is_confirmation: sent only to prove the URL.
    """

    external_id: str
    event_type: str
    lane: str
    is_confirmation: bool = False


@dataclass(frozen=True)
class Words:
    """A delivery as a person reads it.

    subject: a few words such as the incident's title, "" for nothing to say. facts: (what, value). url: where it
    can be seen at the provider, or "".
    """

    subject: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    happened_at: datetime | None = None
    url: str = ""


@dataclass(frozen=True)
class Webhooks:
    """How a provider delivers, for the people who set it up and keep an eye on it.

    delivers_when: ends a sentence that begins with “It posts when”. clicks: the template that says what to click
    there, as list items; it sees `trigger_type`. how_to_confirm: how to have it send something. refusals_to_disable:
    after so many refused in a row the provider stops sending. looks_signed(signature_header) → whether somebody
    seems to have meant to sign. in_words(payload) → Words; takes anything.
    """

    delivers_when: str
    clicks: str
    how_to_confirm: str
    refusals_to_disable: int
    looks_signed: Callable[[str | None], bool]
    in_words: Callable[[Any], Words]


@dataclass(frozen=True)
class Integration:
    """One provider as workflows see it.

    open_api(region, access_token, on_request) → the object that its actions' `perform` receives; it calls
    on_request() before each request it makes, so that a long listing keeps its lease.
    covers(scope, granted_scopes) → whether the granted scopes include what `scope` needs.
    verify(body, signature_header, secrets) → index of the secret that signed the body, or None.
    read_delivery(body) → Delivery. trigger_fields(payload) → what a workflow sees as `trigger`.
    sample_delivery(trigger_type, external_id) → the body of a test delivery with that id. webhooks: see Webhooks.
    owns_link(url) → whether the address leads to the provider's own pages, so that people can be sent there.
    hints: error code → what a person can do about it, for the codes that only this provider has.
    """

    key: str
    name: str
    description: str
    open_api: Callable[[str, str, Callable[[], None]], Any]
    covers: Callable[[str, list[str]], bool]
    verify: Callable[[bytes, str | None, Sequence[str]], int | None]
    read_delivery: Callable[[bytes], Delivery]
    trigger_fields: Callable[[Any], Json]
    sample_delivery: Callable[[TriggerType, str], bytes]
    webhooks: Webhooks
    triggers: Mapping[str, TriggerType] = field(default_factory=dict)
    actions: Mapping[str, ActionType] = field(default_factory=dict)
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    owns_link: Callable[[str], bool] = lambda url: False
    hints: Mapping[str, str] = field(default_factory=dict)


_integrations: dict[str, Integration] = {}


def register(integration: Integration) -> None:
    _integrations[integration.key] = integration


def integrations() -> list[Integration]:
    return list(_integrations.values())


def integration(key: str) -> Integration:
    """Raises KeyError for a provider that no room has registered."""
    return _integrations[key]


def find_action(key: str) -> ActionType | None:
    known = _integrations.get(key.partition("/")[0])
    return known.actions.get(key) if known else None


def find_lookup(key: str) -> Lookup | None:
    known = _integrations.get(key.partition("/")[0])
    return known.lookups.get(key) if known else None


@cache
def input_schema(action_key: str) -> Json:
    """The JSON Schema of what that action takes; an empty one for an action that is not (any more) there."""
    action = find_action(action_key)
    return inputs.json_schema(action.input) if action else {"type": "object", "properties": {}}


def find_trigger(key: str) -> TriggerType | None:
    known = _integrations.get(key.partition("/")[0])
    return known.triggers.get(key) if known else None
