"""The fault switch: make the sandbox slow, refuse, or lose its response after the work was done."""

import random
import re
import threading
from dataclasses import dataclass, field
from typing import Any

# The work is done within this time or not at all, even if the response is delayed for longer.
WORKS_FOR_SECONDS = 15.0
KINDS = {
    "delay": "Delays the response by `seconds`.",
    "lose_answer": "Processes the request, then drops the connection without a response.",
    "drop_before": "Drops the connection before the request is processed.",
    "status": "Returns `status` and `body` without processing the request.",
    "status_after": "Processes the request, then returns `status` and `body`, as a gateway that timed out does.",
    "rate_limit": "Returns 429: Retry-After is `retry_after`, if given; no ratelimit-* headers if `headers` is false.",
    "act_first": "A user sets the incident to the status `act` just before the request is processed.",
    "ignore_offset": "A list starts with its first row, for any requested offset.",
    "refuse_token": "Returns 401 for valid access tokens, while refreshing them still works.",
}
# With these faults the work is done.
BESIDE_THE_WORK = frozenset({"lose_answer", "status_after", "act_first", "ignore_offset"})


@dataclass
class Rule:
    """A fault to inject. path: a regular expression searched in the path. times: None means always.

    body: the response of `status` and `status_after`, any JSON or text; None is the documented one.
    """

    kind: str
    method: str = ""
    path: str = ""
    status: int = 503
    body: Any = None
    seconds: float = 1.0
    headers: bool = True
    retry_after: str | None = None
    act: str = "resolved"
    times: int | None = None
    probability: float = 1.0
    seed: int | None = None
    hits: int = 0
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}")
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path: {error}") from None
        self._random = random.Random(self.seed)  # noqa: S311 - a repeatable coin

    def applies(self, method: str, path: str) -> bool:
        """Return whether it strikes now, and count the strike."""
        if self.method not in ("", method) or not re.search(self.path, path) or self.times == 0:
            return False
        if self.kind == "refuse_token" and path.startswith("/oauth/"):
            return False
        if self.probability < 1.0 and self._random.random() >= self.probability:
            return False
        self.times = None if self.times is None else self.times - 1
        self.hits += 1
        return True

    @property
    def used_up(self) -> bool:
        return self.times == 0

    @property
    def seconds_before(self) -> float:
        """Return the part of a delay before the work; the rest follows it."""
        return min(self.seconds, WORKS_FOR_SECONDS)

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


class Faults:
    """The active rules, oldest first; the first that applies strikes.

    scopes: the scopes that a consent grants at most, None for any. consent: the OAuth error that consents return.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.rules: list[Rule] = []
        self.scopes: list[str] | None = None
        self.consent: dict[str, str] = {}

    def add(self, rules: list[dict[str, Any]]) -> None:
        """Add a rule. Raise ValueError or TypeError if it is invalid."""
        made = [Rule(**rule) for rule in rules]
        with self._lock:
            self.rules += made

    def clear(self) -> None:
        with self._lock:
            self.rules, self.scopes, self.consent = [], None, {}

    def in_force(self) -> int:
        """Return the number of active faults."""
        rules = sum(not rule.used_up for rule in self.rules)
        return rules + (self.scopes is not None) + bool(self.consent)

    def strike(self, method: str, path: str) -> Rule | None:
        if not self.rules:
            return None
        with self._lock:
            return next((rule for rule in self.rules if rule.applies(method, path)), None)
