"""Which scopes a refusal says that a token lacks, as lists, as maps, or in a sentence."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_MOST = 20
_SCOPE = re.compile(r"[a-z_]{1,40}(?::[a-z_]{1,40})?(?:\.[a-z_]{1,40})*", re.ASCII)
# In a sentence only what cannot be anything else: incidents.write, incident_workflows:instances.write.
_IN_WORDS = re.compile(r"\b[a-z_]{1,40}(?::[a-z_]{1,40})?\.(?:read|write)\b", re.ASCII)
_LACKS = re.compile(
    r"\b(?:missing|lacks?|lacking|requires?|required|insufficient)\b.{0,80}\bscopes?\b"
    r"|\bscopes?\b.{0,80}\b(?:missing|lacking|required|insufficient)\b"
    r"|\binsufficient_scope\b",
    re.IGNORECASE,
)


def said_in(texts: Iterable[str]) -> bool:
    """Whether one of them says that a scope is missing."""
    return any(_LACKS.search(text) for text in texts)


def named_in(texts: Iterable[str]) -> tuple[str, ...]:
    """The scopes in those of them that say so."""
    found = (scope for text in texts if _LACKS.search(text) for scope in _IN_WORDS.findall(text))
    return tuple(dict.fromkeys(found))[:_MOST]


def listed(maps: Iterable[Mapping[str, Any]], name: str) -> tuple[str, ...]:
    """What the first of them that has `name` lists there: only what has the form of a scope."""
    said = next((found for one in maps if (found := one.get(name))), None)
    words = (word for text in _texts(said, 2) for word in _split(text))
    return tuple(dict.fromkeys(word for word in words if _SCOPE.fullmatch(word)))[:_MOST]


def _texts(said: Any, deeper: int) -> Iterator[str]:
    """A text, or those in a list or a map ({"any": ["incidents.write"]})."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, list | dict) and deeper:
        for part in list(said.values() if isinstance(said, dict) else said)[:_MOST]:
            yield from _texts(part, deeper - 1)


def _split(text: str) -> list[str]:
    return [word.strip("[]\"'") for word in re.split(r"[\s,;|]+", text[:2_000])]
