"""Read the missing scopes from a refusal: from lists, maps, or a sentence."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_MOST = 20
_SCOPE = re.compile(r"[a-z_]{1,40}(?::[a-z_]{1,40})?(?:\.[a-z_]{1,40})*", re.ASCII)
# In a sentence only unambiguous names: incidents.write, incident_workflows:instances.write.
_IN_WORDS = re.compile(r"\b[a-z_]{1,40}(?::[a-z_]{1,40})?\.(?:read|write)\b", re.ASCII)
_LACKS = re.compile(
    r"\b(?:missing|lacks?|lacking|requires?|required|insufficient)\b.{0,80}\bscopes?\b"
    r"|\bscopes?\b.{0,80}\b(?:missing|lacking|required|insufficient)\b"
    r"|\binsufficient_scope\b",
    re.IGNORECASE,
)


def said_in(texts: Iterable[str]) -> bool:
    """Return whether one of the texts says that a scope is missing."""
    return any(_LACKS.search(text) for text in texts)


def named_in(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes in the texts that say so."""
    found = (scope for text in texts if _LACKS.search(text) for scope in _IN_WORDS.findall(text))
    return tuple(dict.fromkeys(found))[:_MOST]


def listed(maps: Iterable[Mapping[str, Any]], name: str) -> tuple[str, ...]:
    """Return the scopes listed under `name` in the first map that has it; other values are left out."""
    said = next((found for one in maps if (found := one.get(name))), None)
    words = (word for text in _texts(said, 2) for word in _split(text))
    return tuple(dict.fromkeys(word for word in words if _SCOPE.fullmatch(word)))[:_MOST]


def _texts(said: Any, deeper: int) -> Iterator[str]:
    """Yield a text, or the texts in a list or a map ({"any": ["incidents.write"]})."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, list | dict) and deeper:
        for part in list(said.values() if isinstance(said, dict) else said)[:_MOST]:
            yield from _texts(part, deeper - 1)


def _split(text: str) -> list[str]:
    return [word.strip("[]\"'") for word in re.split(r"[\s,;|]+", text[:2_000])]
