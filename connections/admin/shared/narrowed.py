"""From a row to the lists around it: filters that name one row, and the links that lead to them."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


class NarrowedTo(admin.RelatedFieldListFilter):
    """Filter by one related row. It offers no choices, so it reveals no names."""

    include_empty_choice = False

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        """The chosen row, if the staff person may see it."""
        chosen = self.lookup_val[-1] if self.lookup_val else None
        other = model_admin.admin_site.get_model_admin(field.related_model)
        if chosen is None or not other.has_view_permission(request):
            return []
        try:
            rows = list(other.get_queryset(request).filter(pk=chosen))
        except (ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(error) from error
        return [(str(row.pk), str(row)) for row in rows]

    def has_output(self) -> bool:
        """True also for a row that the user may not see: a filter without output would not filter."""
        return self.lookup_val is not None


def around(row: Model, request: HttpRequest, site: admin.AdminSite) -> SafeString:
    """Links to the lists that can be narrowed to `row` and that the staff person may see."""
    links = [
        (reverse(f"admin:{options.app_label}_{options.model_name}_changelist"), lookup, row.pk, options)
        for options, lookup in _narrowed_to(type(row), request, site)
    ]
    items = (
        (format_html('<a href="{}?{}={}">{}</a>', url, lookup, pk, options.verbose_name_plural.capitalize()),)
        for url, lookup, pk, options in links
    )
    return format_html_join(" · ", "{}", items)


def _narrowed_to(
    model: type[Model], request: HttpRequest, site: admin.AdminSite
) -> Iterator[tuple[Any, str]]:
    for other, page in site._registry.items():
        for field, lookup in narrowings(page):
            if field.related_model is model and page.has_view_permission(request):
                yield other._meta, lookup


def narrowings(page: Any) -> Iterator[tuple[Any, str]]:
    """The NarrowedTo filters of a list page: the foreign key each is about, and its lookup."""
    for entry in page.list_filter:
        if isinstance(entry, tuple) and entry[1] is NarrowedTo:
            field: Any = get_fields_from_path(page.model, entry[0])[-1]
            yield field, f"{entry[0]}__{field.target_field.name}__exact"
