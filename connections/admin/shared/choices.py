"""Filters with fixed choices."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest


class Among(admin.SimpleListFilter):
    """Django's own filter for a column without choices reads the whole table for them; this one reads nothing.

    choices_of: value → words. lookup: the lookup that selects the rows of a value.
    """

    choices_of: ClassVar[dict[str, str]] = {}
    lookup: ClassVar[str] = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.choices_of.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(**{self.lookup: value}) if value in self.choices_of else queryset
