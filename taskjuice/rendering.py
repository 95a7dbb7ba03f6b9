"""The form renderer: labels stand on a line of their own, so that no colon follows them."""

from typing import Any

from django.conf import settings
from django.forms.boundfield import BoundField
from django.forms.renderers import DjangoTemplates
from django.utils.functional import cached_property


class PlainLabel(BoundField):
    """A field whose label is its label, and nothing more."""

    def label_tag(
        self, contents: Any = None, attrs: Any = None, label_suffix: Any = None, tag: Any = None
    ) -> Any:
        return super().label_tag(contents, attrs, label_suffix or "", tag)


class Renderer(DjangoTemplates):
    """Django's own, with plain labels, and with the project's templates for widgets of our own."""

    bound_field_class = PlainLabel

    @cached_property
    def engine(self) -> Any:
        own = super().engine
        dirs = [*own.dirs, settings.BASE_DIR / "templates"]
        return self.backend({"NAME": own.name, "APP_DIRS": own.app_dirs, "DIRS": dirs, "OPTIONS": {}})
