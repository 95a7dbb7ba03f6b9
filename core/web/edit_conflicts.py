"""Forms that were opened before another tab or person saved: both values are shown, and a person chooses.

Each form carries a digest of every value that it began with. Sent back, a value that is stored differently by now and
entered differently is a conflict: nothing is stored, what was entered stays in the form, and beside it stands what is
stored, with a choice for each field.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property

SEEN, TAKE = "_seen", "_take-"
STALE = 409


@dataclass(frozen=True)
class Part:
    """A value that a form edits. text: what is stored, to be read and compared.

    entered: the same of what was sent. sent: what a browser sends for what is stored, by the names of inputs.
    """

    name: str
    label: str
    text: str
    entered: Callable[[QueryDict], str]
    sent: Mapping[str, list[str]]


@dataclass(frozen=True)
class Conflict:
    """Both values of one field. take: the one preselected; `theirs` where it was left alone here."""

    name: str
    label: str
    mine: str
    theirs: str
    take: str


class Edit:
    """One sight of a form. stored: what is there now, as the form shows it."""

    def __init__(self, request: HttpRequest, stored: Iterable[Part]) -> None:
        self._stored = list(stored)
        self._sent = request.POST if request.method == "POST" else None

    @property
    def token(self) -> str:
        """The value of the form's hidden field `_seen`."""
        return json.dumps({part.name: _digest(part.text) for part in self._stored})

    @cached_property
    def data(self) -> QueryDict | None:
        """The submitted data, with stored values where the person chose those; None if nothing was submitted."""
        if self._sent is None:
            return None
        data = self._sent.copy()
        for part in self._stored:
            if data.get(f"{TAKE}{part.name}") == "theirs":
                for name, values in part.sent.items():
                    data.setlist(name, values)
        return data

    @cached_property
    def conflicts(self) -> list[Conflict]:
        data, found = self.data, []
        if data is None:
            return []
        began = _read(data.get(SEEN, ""))
        for part in self._stored:
            mine, stored = part.entered(data), _digest(part.text)
            if began.get(part.name, stored) == stored or mine == part.text:
                continue
            take = "theirs" if _digest(mine) == began[part.name] else "mine"
            found.append(Conflict(part.name, part.label, mine, part.text, take))
        return found

    def status(self, wrong: Any) -> int:
        """The HTTP status of the page. wrong: whether the form has other errors."""
        return STALE if self.conflicts else 400 if wrong else 200

    @property
    def may_store(self) -> bool:
        return self._sent is not None and not self.conflicts


def parts_of(form: forms.Form) -> list[Part]:
    """The parts of an unbound form."""
    return [_part(form, name) for name in form.fields]


def is_left_alone(form: forms.Form, name: str) -> bool:
    """Return whether a field of a bound form came back as it was shown, with its initial value, which is not empty."""
    field, html_name = form.fields[name], form.add_prefix(name)
    shown = _text(field.widget, field.prepare_value(form.get_initial_for_field(field, name)))
    entered = field.widget.value_from_datadict(form.data, {}, html_name)
    return shown != "" and _text(field.widget, entered) == shown


def _part(form: forms.Form, name: str) -> Part:
    bound = form[name]
    widget, html_name = bound.field.widget, bound.html_name
    value = bound.field.prepare_value(bound.value())

    def entered(data: QueryDict) -> str:
        return _text(widget, widget.value_from_datadict(data, {}, html_name))

    return Part(name, str(bound.label), _text(widget, value), entered, _sent(widget, html_name, value))


def _text(widget: forms.Widget, value: Any) -> str:
    if isinstance(widget, forms.CheckboxInput):
        return "yes" if widget.check_test(value) else ""
    shown = widget.format_value(value)
    values = shown if isinstance(shown, list | tuple) else [shown]
    texts = [str(one) for one in values if one not in (None, "")]
    several = getattr(widget, "allow_multiple_selected", False)
    return plain(", ".join(sorted(texts) if several else texts))


def plain(text: str) -> str:
    """As it is compared: browsers send lines with CRLF."""
    return text.replace("\r\n", "\n").strip()


def _sent(widget: Any, name: str, value: Any) -> dict[str, list[str]]:
    """A widget of several inputs says itself what they send, by a method `as_sent`."""
    if hasattr(widget, "as_sent"):
        sent: dict[str, list[str]] = widget.as_sent(name, value)
        return sent
    if isinstance(widget, forms.CheckboxInput):
        return {name: ["on"] if widget.check_test(value) else []}
    shown = widget.format_value(value)
    values = shown if isinstance(shown, list | tuple) else [shown]
    return {name: [str(one) for one in values if one not in (None, "")]}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def _read(token: str) -> dict[str, str]:
    try:
        began = json.loads(token)
    except (ValueError, RecursionError):
        return {}
    return {str(name): str(digest) for name, digest in began.items()} if isinstance(began, dict) else {}
