"""Divide a template into plain text and fields, in linear time.

Liquid's own patterns take quadratic time for fields that never end, and end a field at a brace inside quotes.
"""

import re
from dataclasses import dataclass

from workflows.expressions.errors import ExpressionError

MOST_FIELDS = 200
_LONGEST_FIELD = 1000
_BEGIN = re.compile(r"\{\{|\{%")
# Where a field ends, or another one begins; braces inside quotes are neither.
_END = re.compile(r"""'[^']*'|"[^"]*"|\}\}|\{\{""")
_PLAIN_END = re.compile(r"\}\}|\{\{")
_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}")
_END_OF_RAW = re.compile(r"\{%-?\s*endraw\s*-?%\}")


@dataclass(frozen=True)
class Source:
    """The text between {{ and }}. at: its position in the template."""

    text: str
    at: int


def scan(template: str) -> list[str | Source]:
    """Raises ExpressionError."""
    parts: list[str | Source] = []
    at, fields = 0, 0
    strip = False  # whether the field before asked with -}} that no white space follows
    while begin := _BEGIN.search(template, at):
        _add(parts, template[at : begin.start()], before=strip, behind=template.startswith("-", begin.end()))
        if begin.group() == "{%":
            at, strip = _raw(parts, template, begin.start()), False
            continue
        fields += 1
        if fields > MOST_FIELDS:
            raise ExpressionError(f"At most {MOST_FIELDS} fields.")
        source, at = _field(template, begin.end())
        parts.append(source)
        strip = template[at - 3 : at - 2] == "-" and at - 3 >= begin.end()
    _add(parts, template[at:], before=strip, behind=False)
    return parts


def _add(parts: list[str | Source], text: str, *, before: bool, behind: bool) -> None:
    text = text.lstrip() if before else text
    if text := text.rstrip() if behind else text:
        parts.append(text)


def _raw(parts: list[str | Source], template: str, at: int) -> int:
    """Add what {% raw %} keeps as it is. Return where it goes on behind {% endraw %}."""
    begin = _RAW.match(template, at)
    if begin is None:
        raise ExpressionError(
            "Tags such as {% if %} are not available; use fields such as {{ trigger.incident.id }}. "
            "For braces as they are write {% raw %}…{% endraw %}."
        )
    end = _END_OF_RAW.search(template, begin.end())
    if end is None:
        raise ExpressionError("{% raw %} has to end with {% endraw %}.")
    _add(parts, template[begin.end() : end.start()], before=False, behind=False)
    return end.end()


def _field(template: str, begin: int) -> tuple[Source, int]:
    """The field whose inside begins there, and where it goes on behind it."""
    end = _end(template, begin, _END) or _end(template, begin, _PLAIN_END)
    if end is None:
        raise ExpressionError("A field that begins with {{ has to end with }}.")
    if end - begin > _LONGEST_FIELD:
        raise ExpressionError(f"A field is at most {_LONGEST_FIELD} characters long.")
    inside = template[begin:end]
    first = 1 if inside.startswith("-") else 0
    return Source(inside[first:].removesuffix("-"), begin + first), end + 2


def _end(template: str, begin: int, pattern: re.Pattern[str]) -> int | None:
    for found in pattern.finditer(template, begin):
        if found.group() == "}}":
            return found.start()
        if found.group() == "{{":
            return None
    return None
