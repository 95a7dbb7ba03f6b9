"""Base classes of all admin pages: the tenant's rows only, and long lists that stay fast."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from connections.admin.shared.calendar import SupportList
from connections.admin.shared.counting import BoundedPaginator
from connections.admin.shared.narrowed import around, narrowings
from connections.web.staff import accounts_of

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
    Inline = admin.TabularInline[Any, Any]
else:
    Admin, Inline = admin.ModelAdmin, admin.TabularInline

_DATE_PARTS = ("year", "month", "day", "gte", "lt")


def plainly(field: str) -> Callable[[Any, Any], Any]:
    """The related row as text, without a link: staff may see its name and not its page. A dash for none."""

    @admin.display(description=field.replace("_", " "))
    def shown(page: Any, row: Any) -> Any:
        return getattr(row, field) or "-"

    return shown


class LookOnly:
    """An admin page without add, change and delete."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LookOnlyInline(LookOnly, Inline):
    """Rows that belong to the one on the page."""

    extra = 0

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields


class Page(LookOnly, Admin):
    """A look-only page that stays fast: no count without a bound, no filter that reads a whole table.

    id_fields: what a pasted UUID may be, all of them indexed. heavy: columns that the list does not load.
    """

    id_fields: ClassVar[Sequence[str]] = ()
    heavy: ClassVar[Sequence[str]] = ()
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator

    def is_an_id(self, text: str) -> bool:
        """Return whether `text` can be the key of a row; PostgreSQL raises on others."""
        try:
            value = self.opts.pk.to_python(text)
        except (ValidationError, ValueError):
            return False
        return "\0" not in text and not (isinstance(value, int) and abs(value) >= 2**63)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """As Django's; None for what is no id."""
        return super().get_object(request, object_id, from_field) if self.is_an_id(object_id) else None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SupportList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer(*self.heavy)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A UUID is looked up where it can be; anything else is searched for in `search_fields`."""
        try:
            wanted = uuid.UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        asked = Q()
        for field in self.id_fields:
            asked |= Q(**{field: wanted})
        return queryset.filter(asked) if self.id_fields else queryset.none(), False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow only the look-ups that the page's own links use.

        Django lets any column of the row be asked for (`?digest__startswith=a`), which spells out a column
        that no page shows, letter by letter.
        """
        return lookup in set(self._lookups())

    def _lookups(self) -> Iterator[str]:
        yield from (lookup for _, lookup in narrowings(self))
        for entry in self.list_filter:
            if isinstance(entry, type) and issubclass(entry, admin.SimpleListFilter):
                yield str(entry.parameter_name)
            elif isinstance(entry, str):
                yield from (f"{entry}__{part}" for part in ("exact", "isnull", *_DATE_PARTS))
        if self.date_hierarchy:
            yield from (f"{self.date_hierarchy}__{part}" for part in _DATE_PARTS)


class ScopedPage(Page):
    """Rows that belong to an account; `account_path` leads from the row to it.

    This is the one place that decides whose rows staff see: lists, pages, actions, pop-ups, history and
    autocomplete all begin with `get_queryset`.
    """

    account_path: ClassVar[str]
    change_form_template = "admin/row.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows, accounts = super().get_queryset(request), accounts_of(request)
        return rows if accounts is None else self.belonging_to(list(accounts), rows)

    def belonging_to(self, accounts: list[uuid.UUID], rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(**{f"{self.account_path}__in": accounts})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The row's page, with links to the lists around it."""
        if context.get("original") is not None:
            context["around"] = around(context["original"], request, self.admin_site)
        return super().render_change_form(request, context, *args, **kwargs)
