"""Webhook subscriptions as triggers keep them (PagerDuty api-schema, webhook_subscriptions)."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.errors.mapping import as_provider_error, provider_errors
from pagerduty_app.oauth.scopes import WEBHOOKS
from pagerduty_app.subscriptions import backfill
from workflows.catalog import Json, MadeWebhook, ProviderError, Reach, Subscriber, Webhook

# At the beginning of each description: how a webhook that we made, and lost, is told from one that people made.
_OURS = "Made by TaskJuice"
_LONGEST_NAME = 80
_LONGEST_TEXT = 200
_LISTING_SECONDS = 45.0
_KINDS = {kind: f"{kind}_reference" for kind in ("account", "service", "team")}


def _filter(reach: Reach) -> Json:
    """An id is required for all but the account (api-schema, WebhookSubscription)."""
    return {"type": _KINDS[reach.kind]} | ({"id": reach.id} if reach.kind != "account" else {})


def make(api: Api, url: str, events: list[str], reach: Reach, name: str) -> MadeWebhook:
    wanted = {
        "type": "webhook_subscription",
        "delivery_method": {"type": "http_delivery_method", "url": url},
        "description": f"{_OURS} for “{name[:_LONGEST_NAME]}”. Managed automatically.",
        "events": events,
        "filter": _filter(reach),
    }
    with provider_errors():
        answer = api.create_webhook(wanted).get("webhook_subscription")
    made = answer if isinstance(answer, dict) else {}
    method = made.get("delivery_method")
    secret = method.get("secret") if isinstance(method, dict) else None
    some_id = made.get("id")
    if not (_is_text(some_id) and _is_text(secret)):
        # What it made is found by its address and removed before the next attempt.
        raise ProviderError(
            "provider_error",
            "PagerDuty’s response lacks the webhook’s ID or secret.",
            retryable=True,
            outcome_unknown=True,
        )
    return MadeWebhook(str(some_id), str(secret))


def _is_text(value: Any) -> bool:
    return (
        isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT and value.isascii() and value.isprintable()
    )


def everything(api: Api) -> list[Webhook]:
    with provider_errors():
        walk = api.everything("webhook_subscriptions", {}, time.monotonic() + _LISTING_SECONDS)
        rows = [row for page in walk for row in page]
        if not walk.ending.complete:
            raise PagerDutyError(walk.ending.reason, status=400)
    return [_read(row) for row in rows if _is_text(row.get("id"))]


def look(api: Api, webhook_id: str) -> Webhook | None:
    try:
        answer = api.get_webhook(webhook_id)
    except PagerDutyError as error:
        if error.status == 404:
            return None
        raise as_provider_error(error) from None
    row = answer.get("webhook_subscription")
    if not isinstance(row, dict) or row.get("id") != webhook_id:
        raise ProviderError("provider_error", "PagerDuty’s response contains no webhook.", retryable=True)
    return _read(row)


def _read(row: Json) -> Webhook:
    method = row.get("delivery_method") if isinstance(row.get("delivery_method"), dict) else {}
    assert isinstance(method, dict)  # noqa: S101 - said in the line before
    events = row.get("events")
    return Webhook(
        id=str(row["id"]),
        url=str(method.get("url") or ""),
        active=row.get("active") is not False,
        disabled=method.get("temporarily_disabled") is True,
        ours=str(row.get("description") or "").startswith(_OURS),
        events=frozenset(map(str, events)) if isinstance(events, list) else frozenset(),
        reach=_reach_of(row.get("filter")),
    )


def _reach_of(found: Any) -> Reach:
    given = found if isinstance(found, dict) else {}
    kind = next((kind for kind, name in _KINDS.items() if name == given.get("type")), "account")
    return Reach(kind, str(given.get("id") or "") if kind != "account" else "")


def change(api: Api, webhook_id: str, events: list[str], reach: Reach) -> None:
    with provider_errors():
        api.update_webhook(webhook_id, {"events": events, "filter": _filter(reach)})


def ping(api: Api, webhook_id: str) -> None:
    with provider_errors():
        api.ping_webhook(webhook_id)


def enable(api: Api, webhook_id: str) -> None:
    with provider_errors():
        api.enable_webhook(webhook_id)


def remove(api: Api, webhook_id: str) -> None:
    try:
        api.delete_webhook(webhook_id)
    except PagerDutyError as error:
        if error.status != 404:
            raise as_provider_error(error) from None


def reach(options: Mapping[str, Any]) -> Reach:
    """A webhook is for one service, one team, or the whole account; with several, the rest is sorted out here."""
    for kind in ("service", "team"):
        ids = options.get(f"{kind}_ids") or []
        if len(ids) == 1:
            return Reach(kind, str(ids[0]))
    return Reach()


SUBSCRIBER = Subscriber(
    scopes=tuple(WEBHOOKS.scopes),
    make=make,
    everything=everything,
    look=look,
    change=change,
    ping=ping,
    enable=enable,
    remove=remove,
    missed=backfill.missed,
    reach=reach,
    retries_for=timedelta(hours=48),  # developer docs, webhooks v3
    # An incident is triggered once; when it comes back it is reopened or unacknowledged.
    only_once=frozenset({"incident.triggered"}),
)
