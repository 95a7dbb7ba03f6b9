"""Strategies: JSON that is anything, and JSON that is nearly right."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

AWKWARD_TEXTS = [
    "", " ", "\x00", "\ud800", "\u202e", "\x1b[2J", "null", "NaN", "1e999", "{{", "{{ trigger }}", "{% raw %}", "%s%n",
    "../../etc/passwd", "' OR 1=1 --", "<script>", "9" * 400, "x" * 5000, "é" * 300, "2026-13-45T99:99:99Z",
    "__class__", "constructor", "00000000-0000-0000-0000-000000000000",
]  # fmt: skip
texts = st.one_of(st.sampled_from(AWKWARD_TEXTS), st.text(max_size=40))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(),
    texts,
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
Place = tuple[Any, Any]


def _places(value: Any) -> list[Place]:
    """(list or object, index or name) of everything inside."""
    found: list[Place] = []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        found.append((value, name))
        found += _places(inner)
    return found


def _replace(draw: Any, where: Any, name: Any) -> None:
    where[name] = draw(values)


def _remove(draw: Any, where: Any, name: Any) -> None:
    del where[name]


def _repeat(draw: Any, where: Any, name: Any) -> None:
    again = copy.deepcopy(where[name])
    if isinstance(where, list):
        where.extend([again] * draw(st.sampled_from([1, 2, 30])))
    else:
        where[draw(texts)] = again


def _nest(draw: Any, where: Any, name: Any) -> None:
    for _ in range(draw(st.sampled_from([1, 3, 120]))):
        where[name] = [where[name]] if draw(st.booleans()) else {"inner": where[name]}


def _swap(draw: Any, where: Any, name: Any) -> None:
    other, place = draw(st.sampled_from(_places(where)))
    where[name] = copy.deepcopy(other[place])


_EDITS = [_replace, _replace, _remove, _repeat, _nest, _swap]


@st.composite
def mutated(draw: Any, documents: list[Any], most: int = 4) -> Any:
    """One of the documents after a few edits anywhere in it."""
    root = [copy.deepcopy(draw(st.sampled_from(documents)))]
    for _ in range(draw(st.integers(0, most))):
        places = _places(root)[:500]
        if places:
            draw(st.sampled_from(_EDITS))(draw, *draw(st.sampled_from(places)))
    return root[0] if root else None


def as_bytes(document: Any) -> bytes:
    """The document as JSON, lone surrogates and numbers that JSON has not included."""
    return json.dumps(document).encode()


@st.composite
def damaged(draw: st.DrawFn, documents: list[Any]) -> bytes:
    """The bytes of a mutated document, one time in three with some of them changed, cut off or put in."""
    body = as_bytes(draw(mutated(documents)))
    if not body or draw(st.integers(0, 2)):
        return body
    at = draw(st.integers(0, len(body) - 1))
    return draw(
        st.sampled_from(
            [
                body[:at],
                body[:at] + draw(st.binary(max_size=20)) + body[at:],
                body[:at] + body[at + 1 :],
                body + body[at:],
            ]
        )
    )
