"""How forms are drawn: labels stand on a line of their own, so that no colon follows them."""

from typing import Any

from django.forms.boundfield import BoundField
from django.forms.renderers import DjangoTemplates


class PlainLabel(BoundField):
    """A field whose label is its label, and nothing more."""

    def label_tag(
        self, contents: Any = None, attrs: Any = None, label_suffix: Any = None, tag: Any = None
    ) -> Any:
        return super().label_tag(contents, attrs, label_suffix or "", tag)


class Renderer(DjangoTemplates):
    """Django's own, with plain labels."""

    bound_field_class = PlainLabel
