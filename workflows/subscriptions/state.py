"""The state of a trigger's webhook, for the trigger's page and the API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q

from workflows import catalog
from workflows.formatting.datetimes import moment
from workflows.models import Subscription, Trigger
from workflows.subscriptions import requests
from workflows.subscriptions.webhook_states import said, state_of

BY_ITSELF, BY_HAND = "by_itself", "by_hand"
_KEPT = [*Subscription.OPEN, "failed", "left"]


@dataclass(frozen=True)
class SetUp:
    """way: by_itself or by_hand. key, words, tone (good, warn, bad, off): its state; at: when that was so, or None.

    rotating: a new secret is on its way. allowed: whether the connection lets triggers set themselves up.
    may_begin, may_rotate: which button there is. changing: it will be otherwise in a moment.
    """

    way: str
    key: str
    words: str
    tone: str
    at: datetime | None = None
    rotating: bool = False
    allowed: bool = False
    may_begin: bool = False
    may_rotate: bool = False
    changing: bool = False
    webhook: str = ""
    reach: dict[str, str] | None = None
    recovered: dict[str, Any] | None = None


def prefetched() -> "Prefetch[str, Any, Any]":
    """Prefetch what `of` reads, for lists of triggers, without ended subscriptions."""
    return Prefetch(
        "subscriptions",
        queryset=Subscription.objects.filter(Q(status__in=_KEPT)),
        to_attr="kept_subscriptions",
    )


def of(trigger: Any) -> SetUp:
    """trigger: with its connection and grant; `kept_subscriptions` where they were prefetched."""
    rows = getattr(trigger, "kept_subscriptions", None)
    if rows is None:
        rows = list(trigger.subscriptions.filter(status__in=_KEPT)[:20])
    open_ = trigger.status != Trigger.Status.CLOSED
    allowed = open_ and bool(requests.events_of(trigger)) and requests.allowed(trigger.connection)
    by_status = {row.status: row for row in reversed(rows)}
    shown = by_status.get("on") or by_status.get("making")
    if not open_:
        return _closed(by_status.get("left"), catalog.integration(trigger.provider).name)
    if shown is None:
        return _without(by_status.get("failed"), trigger, allowed=allowed)
    key, words, tone = state_of(shown, catalog.integration(trigger.provider).name)
    rotating = shown.status == "on" and ("making" in by_status or "replaced" in by_status)
    return SetUp(
        way=BY_ITSELF,
        key=key,
        words=words,
        tone=tone,
        at=shown.well_at if key == "works" else None,
        rotating=rotating,
        allowed=allowed,
        may_rotate=allowed and shown.status == "on" and not rotating,
        changing=rotating or key in ("making", "unproven", "disabled"),
        webhook=shown.external_id,
        reach=requests.reach_of(shown).as_json(),
        recovered=_readable(shown.recovered),
    )


def _readable(recovered: dict[str, Any] | None) -> dict[str, Any] | None:
    """With `since` as a time as well."""
    return recovered and {**recovered, "since_at": moment(recovered.get("since"))}


def _closed(left: Subscription | None, name: str) -> SetUp:
    if left is None:
        return SetUp(way=BY_HAND, key="closed", words="The trigger is closed.", tone="off")
    words = f"Its webhook could not be removed. It may still be in {name}: remove it there."
    return SetUp(way=BY_ITSELF, key="left", words=words, tone="bad", webhook=left.external_id)


def _without(failed: Subscription | None, trigger: Trigger, *, allowed: bool) -> SetUp:
    name = catalog.integration(trigger.provider).name
    common = {"way": BY_HAND, "allowed": allowed, "may_begin": allowed}
    if failed is not None:
        otherwise = (
            "The manual setup continues to work."
            if trigger.confirmed_at
            else "Try again, or set it up manually as described below."
        )
        words = f"The webhook could not be created: {said(failed)} {otherwise}"
        return SetUp(key="failed", words=words, tone="bad", **common)  # type: ignore[arg-type]
    words = f"Manual setup: add the webhook yourself in {name}."
    return SetUp(key="by_hand", words=words, tone="off", **common)  # type: ignore[arg-type]
