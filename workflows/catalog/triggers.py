"""Triggers of a provider, and the deliveries that fire them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rest_framework.serializers import Serializer

from workflows.catalog.actions import Json
from workflows.catalog.deadlines import DeadlineRule
from workflows.catalog.polls import Poll


@dataclass(frozen=True)
class TriggerType:
    """A reason for a workflow to start.

    key: `<provider>/<name>`. group: the heading under which it is offered; those of one group follow one another.
    event_types: the provider's event types that fire it. sample: one delivery that fires it. output_schema: JSON Schema
    of what a workflow sees of that.
    options: the serializer of the settings that each such trigger can have; None: it has none. What it validates is
    stored as JSON. more_event_types: name of an option → event types that fire it as well where that is true.
    event_types_option: the option that lists event types that fire it as well; "" where none does. sample_of(event
    type) → one delivery of a type listed there.
    field_names: path of a field of that → what people call it; 0 in a path is the first item of a list, * any.
    wants(options, payload, shown) → "" for a delivery that is to start workflows, else why not, in a few words.
    payload: its JSON value of any type; shown: the same without the fields that are never stored, for use in the
    reason.
    poll: for what no webhook tells: how workflows ask for it. Such a trigger has no address and no secrets.
    deadline: for what has not happened in time. The deliveries of such a trigger start no workflow; they begin and end
    deadlines.
    """

    key: str
    name: str
    description: str
    event_types: frozenset[str]
    sample: Json
    output_schema: Json
    options: type[Serializer[Any]] | None = None
    more_event_types: Mapping[str, frozenset[str]] = field(default_factory=dict)
    wants: Callable[[Json, Any, Any], str] = lambda options, payload, shown: ""
    poll: Poll | None = None
    deadline: DeadlineRule | None = None
    field_names: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    event_types_option: str = ""
    sample_of: Callable[[str], Json] | None = None

    def listens_to(self, options: Mapping[str, Any]) -> frozenset[str]:
        """Return the event types that fire a trigger with those options."""
        more = [types for name, types in self.more_event_types.items() if options.get(name)]
        return self.event_types.union(*more, self._chosen(options))

    def delivered(self, options: Mapping[str, Any]) -> frozenset[str]:
        """Return the event types that the provider has to deliver to a trigger with those options."""
        return self.deadline.delivered if self.deadline else self.listens_to(options)

    def takes(self, options: Mapping[str, Any]) -> frozenset[str]:
        """Return the event types that a trigger with those options acts on."""
        return self.listens_to(options) | self.delivered(options)

    def sample_for(self, options: Mapping[str, Any]) -> Json:
        """Return a sample that fires a trigger with those options: of the first event type that they list."""
        chosen = self._chosen(options)
        return self.sample_of(chosen[0]) if chosen and self.sample_of else self.sample

    def _chosen(self, options: Mapping[str, Any]) -> list[str]:
        return list(options.get(self.event_types_option) or ())


@dataclass(frozen=True)
class Delivery:
    """The parsed body of a delivery; made for any bytes, also those that are not JSON.

    external_id: the signed identity of the event, the same when it is delivered again. lane: events of one
    lane are handled in order. is_confirmation: sent only to prove the URL. change: what changed, so that the same event
    type, change and time under another id is the same event told twice; "" where that cannot be said. happened_at:
    aware, None when it does not say.
    """

    external_id: str
    event_type: str
    lane: str
    is_confirmation: bool = False
    change: str = ""
    happened_at: datetime | None = None


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
    """Facts about a provider's webhooks, for set-up and monitoring.

    delivers_when: ends a sentence that begins with “It posts when”. clicks: the template that says what to click
    there, as list items; it sees `trigger_type`, and `event_types` that the trigger listens to. how_to_confirm: how to
    have it send something. refusals_to_disable: after so many refused in a row the provider stops sending.
    looks_signed(signature_header) → whether the header looks like a signature. in_words(payload) → Words; takes
    anything. needed: path of a field of a delivery that cannot be left out of what is stored → why, as the end of a
    sentence.
    """

    delivers_when: str
    clicks: str
    how_to_confirm: str
    refusals_to_disable: int
    looks_signed: Callable[[str | None], bool]
    in_words: Callable[[Any], Words]
    needed: Mapping[str, str] = field(default_factory=dict)
