"""The event types of a webhook, where the provider refuses one that people have named freely.

A provider refuses the whole webhook for one type that it does not know. The types that the catalog has triggers for are
then tried alone, so that they go on being delivered, and the others are named.
"""

from datetime import timedelta
from typing import Any

from core.db import clock
from core.errors import Problem
from core.text.json_sanitize import storable
from workflows import catalog
from workflows.calls import problems
from workflows.catalog import ProviderError, Webhook
from workflows.models import Trigger
from workflows.subscriptions import requests
from workflows.subscriptions.lease import SubscriptionLease

REFUSED = "event_types_refused"
_AGAIN_AFTER = timedelta(days=1)
_MOST_NAMED = 5


def unlisted(trigger: Trigger) -> list[str]:
    """Return the types of the trigger that the catalog has no trigger for."""
    listed = catalog.integration(trigger.provider).listed_event_types()
    return [kind for kind in requests.events_of(trigger) if kind not in listed]


def is_about_types(error: ProviderError) -> bool:
    """Return whether the provider refused the content of the request, perhaps because of the types."""
    return error.status == 400 and not error.retryable


def named(kinds: list[str]) -> str:
    """Return the types as part of a sentence, at most five by name."""
    more = len(kinds) - _MOST_NAMED
    names = ", ".join(kinds[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"event type{'s' * (len(kinds) > 1)} {names}"


def refusal(trigger: Trigger, error: ProviderError, kinds: list[str]) -> Problem:
    """Return what the trigger's page says if the provider refused a webhook with these types."""
    name = catalog.integration(trigger.provider).name
    return Problem(
        REFUSED,
        f"{name} refused a webhook for the {named(kinds)}.",
        provider_status=error.status,
        detail={
            "reasons": problems.of_provider_error(error).reasons,
            "event_types": kinds,
            "delivers_others": kinds != requests.events_of(trigger),
        },
    )


def is_same(refused: dict[str, Any], error: Any) -> bool:
    """Return whether this error of a row is a refusal of the same types."""
    known = isinstance(error, dict) and error.get("code") == REFUSED
    return known and error["detail"]["event_types"] == refused["detail"]["event_types"]


def put_right(lease: SubscriptionLease, found: Webhook) -> dict[str, Any] | None:
    """Give the webhook the types and the scope of its trigger. Return the error if types were refused, for its row.

    Raise ProviderError and the like.
    """
    trigger, reach = lease.row.trigger, requests.reach_of(lease.row)
    wanted = requests.events_of(trigger)
    if found.events == frozenset(wanted) and found.reach == reach:
        return None
    if (known := _known_refusal(lease, found)) and found.reach == reach:
        return known

    def change(events: list[str]) -> None:
        lease.ask(lambda subscriber, api: subscriber.change(api, found.id, events, reach))

    try:
        change(wanted)
    except ProviderError as error:
        kinds = unlisted(trigger)
        if not (kinds and is_about_types(error)):
            raise
        try:
            # With none that could be accepted, it keeps what it has.
            change(sorted({*wanted} - {*kinds}) or sorted(found.events))
        except ProviderError as other:
            raise (error if is_about_types(other) else other) from None
        return dict(storable(refusal(trigger, error, kinds).as_error()))
    return None


def _known_refusal(lease: SubscriptionLease, found: Webhook) -> dict[str, Any] | None:
    """Return the refusal that a check of today got for the same types; the provider is asked again tomorrow."""
    row = lease.row
    error = row.error if isinstance(row.error, dict) and row.error.get("code") == REFUSED else None
    if error is None or row.tidied_at is None or clock.now() - row.tidied_at >= _AGAIN_AFTER:
        return None
    kinds = error["detail"]["event_types"]
    delivered = sorted({*requests.events_of(row.trigger)} - {*kinds})
    same = kinds == unlisted(row.trigger) and (not delivered or found.events == frozenset(delivered))
    return error if same else None
