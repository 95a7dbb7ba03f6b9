"""The way from a new trigger to a live one, as far as it has been gone; worked out from the rows each time."""

from dataclasses import dataclass
from typing import Any

from workflows import catalog
from workflows.models import Trigger
from workflows.triggers.health import Health


@dataclass(frozen=True)
class Step:
    """key: for the page. state: done, now, later, or bad (done, and wrong). at: aware time or None."""

    key: str
    name: str
    state: str
    words: str = ""
    at: Any = None


_NOTHING = Step("", "No setup required", "done")


@dataclass(frozen=True)
class Guide:
    steps: list[Step]
    over: bool

    @property
    def current(self) -> Step:
        """The step that waits for a person: one that went wrong before any other."""
        by_state = {step.state: step for step in reversed(self.steps)}
        return by_state.get("bad") or by_state.get("now") or (self.steps or [_NOTHING])[-1]


def guide(trigger: Any, health: Health) -> Guide:
    """The five steps; none for a trigger that asks by itself. trigger: a row of trigger_health.with_facts."""
    if catalog.polled(trigger.key):
        return Guide([], over=True)
    name = catalog.integration(trigger.provider).name
    confirmed = trigger.confirmed_at is not None
    arrived = bool(health.held or trigger.had_secret or confirmed)
    secret = _secret(trigger, health)
    if confirmed:
        confirmation = Step("confirm", f"Confirm in {name}", "done", "Confirmed.", trigger.confirmed_at)
    elif secret.state == "done":
        words = f"Waiting for the first signed delivery from {name}."
        confirmation = Step("confirm", f"Confirm in {name}", "now", words)
    else:
        confirmation = Step("confirm", f"Confirm in {name}", "later")
    steps = [
        Step("copy", "Copy the webhook URL", "done" if arrived else "now"),
        Step("subscribe", f"Add a webhook in {name}", "done" if arrived else "now"),
        secret,
        confirmation,
        Step("test", "Send a test event", "now" if confirmed and trigger.has_secret else "later"),
    ]
    return Guide(steps, over=confirmed or trigger.status == Trigger.Status.CLOSED)


def _secret(trigger: Any, health: Health) -> Step:
    """The step of the signing secret: present, and the one that signs what arrives."""
    title, held = "Paste the signing secret here", health.held
    wait = "1 held delivery was" if held == 1 else f"{held} held deliveries were"
    if trigger.has_secret and not trigger.confirmed_at:
        if held:
            words = f"{wait} not signed with this secret. Copy it again, unless an older webhook sent it."
            return Step("secret", title, "bad", words)
        if health.refused:
            refused = "1 delivery was" if health.refused == 1 else f"{health.refused} deliveries were"
            words = (
                f"{refused} rejected since this secret was added: signature mismatch. Copy it again, or "
                "send a new test."
            )
            return Step("secret", title, "bad", words)
    if trigger.has_secret:
        return Step("secret", title, "done", "Stored encrypted and never shown again.")
    if trigger.had_secret:
        return Step("secret", title, "now", "The secret was deleted. Paste the one in use.")
    if held:
        arrived = (
            "1 delivery has arrived and is waiting"
            if held == 1
            else f"{held} deliveries have arrived and are waiting"
        )
        return Step("secret", title, "now", f"{arrived} for the secret.")
    return Step("secret", title, "later", "Nothing has arrived yet.")
