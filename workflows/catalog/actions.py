"""A provider's actions, look-ups and errors."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

from rest_framework.serializers import Serializer

Json = dict[str, Any]


@cache
def _reader(kind: type[Serializer[Any]]) -> Serializer[Any]:
    """One for all inputs of that kind: it keeps nothing of what it reads, and making one takes longer than reading."""
    return kind()


@dataclass(frozen=True)
class EqualCalls:
    """Other calls through the same connection with the same action and input, at about the same time.

    running: whether one of them may be taking effect now. outputs: of those that completed.
    """

    running: bool
    outputs: list[Json]


class Caller(Protocol):
    """The part of its call that an action may use."""

    @property
    def key(self) -> str:
        """Unique and the same on every attempt; a provider's idempotency key can be made of it."""

    @property
    def cache_key(self) -> str:
        """Unique to the connection and its present authorisation."""

    @property
    def first_sent_at(self) -> datetime | None:
        """The time at which the first attempt was sent; None before that."""

    @property
    def sent_before(self) -> bool:
        """Return whether an earlier attempt may have had its effect."""

    @property
    def baseline(self) -> Json | None:
        """The last `Prepared.baseline` of this call; None if it had none."""

    @property
    def until(self) -> float:
        """`time.monotonic()` by which it has to be done; afterwards no further request may begin."""

    def progress(self, **facts: Any) -> None:
        """Show how far it has got, for those who look at the call while it runs."""

    def equal_calls(self) -> EqualCalls:
        """The calls whose effects must not be taken for ours. Read them after the provider's state, not before."""


@dataclass(frozen=True)
class Prepared:
    """A write as the provider's present state leaves it.

    data: what `effects` and `perform` receive. output: the result where nothing is left to do; then nothing is sent.
    baseline: what the provider shows that `recover` must not take for the effect of this write; kept with the call, in
    place of an earlier one. None before a repeat.
    """

    data: Json
    output: Json | None = None
    baseline: Json | None = None


@dataclass(frozen=True)
class ActionType:
    """Something a step, the API or a person can have done.

    key: `<provider>/<name>`. scope: the provider scope it needs, or several with spaces between. input: the serializer
    that validates it.
    perform(api, data, caller) → output (JSON). `api` is what the integration's `open_api` returned.
    check(api, data, caller): extra validation against the provider before dispatch; raises ProviderError.
    prepare(api, data, caller) → Prepared, for a write that depends on a state, which is read before each time it is
    sent, since it may come hours late; raises ProviderError.
    recover(api, data, caller) → output of an earlier attempt whose outcome is unknown, or None when that
    attempt had no effect. Actions without it are safe to repeat.
    settles_in(data): how long after it was sent a write without an answer may still take effect. Where `recover` finds
    nothing, nothing is sent again before. None needed where the provider itself refuses a second one.
    effects(api, data, caller) → the events that the provider will send for this write, if it sends any.
    stream(api, data, caller) → the output of `perform`, row by row, for clients that request a stream.
    field_names: path of a field of the output → what people call it, as those of a TriggerType.
    step_defaults(templates) → the inputs that a workflow's step has beside the ones it was given.
    in_background(data) → whether it leaves room in the rate limit for requests that a person or client waits for.
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
    prepare: Callable[[Any, Json, Caller], Prepared] | None = None
    recover: Callable[[Any, Json, Caller], Json | None] | None = None
    settles_in: Callable[[Json], timedelta] = lambda data: timedelta(0)
    effects: "Callable[[Any, Json, Caller], list[Effect]] | None" = None
    stream: "Callable[[Any, Json, Caller], Iterator[Streamed]] | None" = None
    step_defaults: Callable[[Mapping[str, Any]], Json] = lambda templates: {}
    in_background: Callable[[Json], bool] = lambda data: False
    field_names: Mapping[str, str] = field(default_factory=dict)

    def checked(self, data: Any) -> Json:
        """`data` as the action takes it. Raises serializers.ValidationError, whose detail names each field at fault."""
        valid: Json = _reader(self.input).run_validation(data)
        return valid

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
class Incomplete:
    """The last part that a look-up yields if options are missing. reason: which and why, as a sentence for people."""

    reason: str


@dataclass(frozen=True)
class Lookup:
    """A list of the connected account that people choose from.

    key: `<provider>/<name>`, as inputs name it. scope: the provider scope it needs. load(api, query) yields
    the options whose name contains `query` ("": all), asking for a further page only when it is wanted, and
    Incomplete if it cannot have them all; it raises ProviderError. `api` is what the integration's `open_api` returned.
    """

    key: str
    name: str
    scope: str
    load: Callable[[Any, str], Iterator[Option | Incomplete]]


@dataclass(frozen=True)
class Effect:
    """Something that the provider tells of in an event: as a write expects it, or as an event shows it.

    subject: what it happened to. kind: the provider's event type. agent: who did it there, proof: a digest (hex) of
    what was written; "" where that is not known. at: when it happened, of an event.
    """

    subject: str
    kind: str
    agent: str = ""
    proof: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Streamed:
    """A part of a stream: some rows, or at last what is to be known of the whole."""

    rows: list[Json] = field(default_factory=list)
    summary: Json | None = None


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
