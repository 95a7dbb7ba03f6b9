"""The states of a webhook that a trigger keeps or is about to have, and what its page says of them."""

from collections.abc import Callable
from typing import Any

from core.errors import in_words
from workflows.models import Subscription
from workflows.subscriptions import event_types


def said(row: Subscription) -> str:
    """Return its error as a sentence."""
    return _sentence(row.error)


def _sentence(error: Any) -> str:
    message = in_words(error).strip() or "It failed."
    return message if message.endswith((".", "!", "?")) else f"{message}."


def _is_refused(row: Subscription) -> bool:
    return bool(row.error) and row.error.get("code") == event_types.REFUSED  # type: ignore[union-attr]


def refused(error: dict[str, Any], name: str) -> tuple[str, str]:
    """Return (words, tone) for event types that the provider refused. error: of event_types.refusal."""
    detail = error["detail"]
    names, them = ("names", "them") if len(detail["event_types"]) > 1 else ("name", "it")
    if detail["delivers_others"]:
        other = (
            f"Its other events are delivered. Check the {names}, or add a webhook for {them} alone in {name}."
        )
        return f"{_sentence(error)} {other}", "warn"
    return f"{_sentence(error)} Check the {names}, or add a webhook for {them} manually in {name}.", "bad"


_State = tuple[Callable[[Subscription], bool], str, str, str]
# The first that holds counts: (whether it holds, key, tone, words). Those of refused types depend on the error.
_STATES: list[_State] = [
    (
        lambda row: row.status == "making" and row.error is not None,
        "making_delayed",
        "warn",
        "The webhook is not created yet. {said} Retrying automatically.",
    ),
    (lambda row: row.status == "making", "making", "warn", "Creating webhook in {name}."),
    (
        lambda row: row.trouble == "inactive",
        "inactive",
        "bad",
        "Webhook disabled in {name}. Enable it there; missed events are then recovered.",
    ),
    (
        lambda row: row.trouble == "disabled",
        "disabled",
        "bad",
        "{name} disabled the webhook after repeated failures. Re-enabling…",
    ),
    (_is_refused, "types_refused", "", ""),
    (
        lambda row: row.error is not None,
        "unseen",
        "warn",
        "Couldn’t check the webhook. {said} Retrying automatically.",
    ),
    (
        lambda row: row.confirmed_at is None,
        "unproven",
        "warn",
        "Webhook created. Waiting for {name}’s test message.",
    ),
]


def state_of(row: Subscription, name: str) -> tuple[str, str, str]:
    """Return (key, words, tone). name: of the provider."""
    for holds, key, tone, words in _STATES:
        if holds(row):
            if key == "types_refused":
                return key, *refused(row.error, name)  # type: ignore[arg-type]
            return key, words.format(name=name, said=said(row)), tone
    return "works", f"Webhook is active in {name}.", "good"
