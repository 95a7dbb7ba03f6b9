"""Read refusals in every shape of PagerDuty's hosts into one: message, code, reasons, scopes.

Documented is `{"error": {"message", "code", "errors": []}}`. Client libraries report more: `errors` as text or map,
`error` as text or list, a flat body, OAuth's `error` + `error_description`, plain text, a gateway's HTML page.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.text import plain_text
from pagerduty_app.client import missing_scopes
from pagerduty_app.client.http.reading import json_of

MOST_REASONS = 20
_DEEPEST = 5
_LONGEST_MESSAGE = 500
_LONGEST_REASON = 300
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}", re.ASCII)
_WORDS_AS_CODE = re.compile(r"[a-z]+(_[a-z]+)+", re.ASCII)  # as OAuth's: invalid_grant
_MESSAGES = ("message", "error_description", "description", "detail", "title", "reason")
# Keys of one reason in a list; `title` and `description` there are names of fields that may be wrong.
_ITEM_MESSAGES = ("message", "detail")
_REASONS = ("errors", "details", "reasons")
_FIELDS = ("field", "attribute", "param", "property")


@dataclass(frozen=True)
class Refusal:
    """A refusal. message, code: "" if the response has none. required_scopes, token_scopes: of a token that lacks some.

    lacks_scope: whether it says that a scope is missing, even without naming it.
    """

    message: str = ""
    code: str = ""
    reasons: tuple[str, ...] = ()
    required_scopes: tuple[str, ...] = ()
    token_scopes: tuple[str, ...] = ()
    lacks_scope: bool = False

    @property
    def missing_scopes(self) -> list[str]:
        """Return the required scopes that the token lacks, or all required ones if its own are not named."""
        lacking = [scope for scope in self.required_scopes if scope not in self.token_scopes]
        return lacking or list(self.required_scopes)


def read(content: bytes, secrets: Iterable[str] = ()) -> Refusal:
    """Return the refusal in a response's body. secrets: values of the request to remove from its words."""
    try:
        body = json_of(content)
    except (ValueError, RecursionError):
        said = plain_text.of_page(content, tuple(secrets), longest=_LONGEST_REASON)
        return Refusal(
            message=said,
            required_scopes=missing_scopes.named_in([said]),
            lacks_scope=missing_scopes.said_in([said]),
        )
    return of_body(body, secrets)


def of_body(body: Any, secrets: Iterable[str] = ()) -> Refusal:
    """Return the refusal in parsed JSON."""
    return _Reader(tuple(secrets)).refusal(body)


class _Reader:
    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = secrets

    def refusal(self, body: Any) -> Refusal:
        flat: Mapping[str, Any] = body if isinstance(body, dict) else {}
        error = flat.get("error") if flat else body
        inner: Mapping[str, Any] = error if isinstance(error, dict) else {}
        code, message = self._code(inner) or self._code(flat), self._message(inner) or self._message(flat)
        if isinstance(error, str):
            if not code and _WORDS_AS_CODE.fullmatch(error.strip()[:40]):
                code = error.strip()
            message = message or self._text(error, _LONGEST_MESSAGE)
        reasons = self._reasons([error if isinstance(error, list) else None, inner, flat], message)
        places, texts = [inner, flat, *_items_of(error, inner, flat)], [message, code, *reasons]
        required = missing_scopes.listed(places, "required_scopes")
        return Refusal(
            message=message,
            code=code,
            reasons=reasons,
            required_scopes=required or missing_scopes.named_in(texts),
            token_scopes=missing_scopes.listed(places, "token_scopes"),
            lacks_scope=bool(required) or missing_scopes.said_in(texts),
        )

    def _text(self, value: str, longest: int) -> str:
        return plain_text.of(value, self._secrets, longest=longest)

    def _code(self, said: Mapping[str, Any]) -> str:
        code = said.get("code")
        if isinstance(code, bool) or not isinstance(code, int | str):
            return ""
        if isinstance(code, int):
            return str(code) if abs(code) < 10**15 else ""
        code = self._text(code, 41)
        return code if _CODE.fullmatch(code) else ""

    def _message(self, said: Mapping[str, Any]) -> str:
        texts = (str(said[name]) for name in _MESSAGES if _is_said(said.get(name)))
        return next((self._text(text, _LONGEST_MESSAGE) for text in texts), "")

    def _reasons(self, said: list[Any], message: str) -> tuple[str, ...]:
        """Return each reason once, in order, without those that the message contains."""
        found: dict[str, None] = {}
        for part in said:
            values = [part.get(name) for name in _REASONS] if isinstance(part, dict) else [part]
            # A message that is not a text holds the reasons.
            if isinstance(part, dict) and isinstance(part.get("message"), dict | list):
                values.append(part["message"])
            for value in values:
                for reason in self._flat(value, "", _DEEPEST):
                    if reason != message:
                        found[reason] = None
                    if len(found) == MOST_REASONS:
                        return tuple(found)
        return tuple(found)

    def _flat(self, value: Any, of: str, deeper: int) -> Iterable[str]:
        """Yield texts, each prefixed with the name of its field."""
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            text = value if isinstance(value, str) else f"{value:.12g}" if abs(value) < 1e15 else ""
            said = self._text(f"{of}: {text}" if of else text, _LONGEST_REASON)
            if _is_said(text):
                yield said
        elif not deeper:
            return
        elif isinstance(value, list):
            for item in value[:MOST_REASONS]:
                yield from self._flat(item, of, deeper - 1)
        elif isinstance(value, dict):
            yield from self._of_map(value, of, deeper)

    def _of_map(self, value: Mapping[str, Any], of: str, deeper: int) -> Iterable[str]:
        """Yield reasons: {"field": "title", "message": "…"} is one; another map has one for each of its fields."""
        words = next((value[name] for name in _ITEM_MESSAGES if _is_said(value.get(name))), None)
        field = next((value[name] for name in _FIELDS if _is_said(value.get(name))), "")
        if words is not None and (field or not any(isinstance(item, dict | list) for item in value.values())):
            yield from self._flat(words, ".".join(filter(None, (of, field[:100]))), deeper - 1)
            return
        for name, item in list(value.items())[:MOST_REASONS]:
            yield from self._flat(item, ".".join(filter(None, (of, name[:100]))), deeper - 1)


def _items_of(error: Any, *said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the first maps in the lists of a refusal."""
    lists = [error, *(one.get(name) for one in said for name in _REASONS)]
    return [
        item
        for one in lists
        if isinstance(one, list)
        for item in one[:MOST_REASONS]
        if isinstance(item, dict)
    ]


def _is_said(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""
